/* Smaller filters that decide as before. */
#include "../seccomp-ranges.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "test.h"

#define NUMBER       offsetof(struct seccomp_data, nr)
#define ARCHITECTURE offsetof(struct seccomp_data, arch)
#define ARGUMENT     offsetof(struct seccomp_data, args)

#define LOAD(offset)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, yes, no)
#define GIVE(answer)       BPF_STMT(BPF_RET | BPF_K, answer)
#define LENGTH(filter)     (sizeof(filter) / sizeof((filter)[0]))
#define LONGEST            600

/* As the kernel goes through it, seccomp(2). */
static uint32_t ask(const struct sock_filter *filter, size_t length,
                    const struct seccomp_data *data)
{
    uint32_t value = 0;
    for (size_t at = 0; at < length; at++) {
        const struct sock_filter *one = &filter[at];
        bool is_so = false;
        switch (one->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&value, (const char *)data + one->k, sizeof(value));
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            value &= one->k;
            continue;
        case BPF_RET | BPF_K:
            return one->k;
        case BPF_JMP | BPF_JA:
            at += one->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            is_so = value == one->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            is_so = value > one->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            is_so = value >= one->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            is_so = (value & one->k) != 0;
            break;
        }
        at += is_so ? one->jt : one->jf;
    }
    return UINT32_MAX;
}

/* The same numbers in each run: xorshift. */
static uint32_t draw(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Around everything that a filter compares with, and elsewhere. */
static uint32_t interesting(uint32_t *state, const struct sock_filter *filter, size_t length)
{
    const uint32_t k = filter[draw(state) % length].k;
    switch (draw(state) % 5) {
    case 0:
        return draw(state);
    case 1:
        return k + 1;
    case 2:
        return k - 1;
    default:
        return k;
    }
}

static bool decide_alike(const struct sock_filter *filter, size_t length,
                         const struct sock_filter *small, size_t used, uint32_t *state)
{
    for (int round = 0; round < 400; round++) {
        struct seccomp_data data = {.nr = (int)interesting(state, filter, length)};
        data.arch = interesting(state, filter, length);
        for (int i = 0; i < 6; i++)
            data.args[i] = (uint64_t)interesting(state, filter, length) << 32 |
                           interesting(state, filter, length);
        if (ask(filter, length, &data) != ask(small, used, &data))
            return false;
    }
    return true;
}

TEST(joined, "numbers with one answer become one range")
{
    struct sock_filter filter[LONGEST] = {LOAD(ARCHITECTURE), IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
                                          GIVE(SECCOMP_RET_KILL_PROCESS), LOAD(NUMBER)};
    struct sock_filter small[LONGEST];
    size_t length = 4;
    uint32_t state = 1;
    for (uint32_t number = 10; number < 200; number++) {
        filter[length++] = (struct sock_filter)IF(BPF_JEQ, number, 0, 1);
        filter[length++] = (struct sock_filter)GIVE(SECCOMP_RET_ALLOW);
    }
    filter[length++] = (struct sock_filter)GIVE(SECCOMP_RET_ERRNO | 38);
    size_t used = seccomp_condense(filter, length, small, LONGEST);
    CHECK(used > 0 && used < 15);
    CHECK(decide_alike(filter, length, small, used, &state));
}

TEST(arguments, "what looks at arguments is asked as before, from any range")
{
    const struct sock_filter start[] = {LOAD(ARCHITECTURE), IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
                                        GIVE(SECCOMP_RET_KILL_PROCESS), LOAD(NUMBER)};
    const struct sock_filter chain[] = {IF(BPF_JEQ, 16, 0, 8),
                                        LOAD(ARGUMENT + 8),
                                        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
                                        IF(BPF_JEQ, 0x5412, 5, 0),
                                        LOAD(ARGUMENT + 12),
                                        IF(BPF_JSET, 1, 0, 2),
                                        LOAD(NUMBER),
                                        IF(BPF_JEQ, 16, 0, 1),
                                        GIVE(SECCOMP_RET_ALLOW),
                                        GIVE(SECCOMP_RET_ERRNO | 1)};
    struct sock_filter filter[LONGEST], small[LONGEST];
    uint32_t state = 2;
    size_t length = LENGTH(start);
    memcpy(filter, start, sizeof(start));
    for (uint32_t number = 0; number < 12; number++) {
        filter[length++] = (struct sock_filter)IF(BPF_JEQ, number, 0, 1);
        filter[length++] = (struct sock_filter)GIVE(SECCOMP_RET_ALLOW);
    }
    memcpy(filter + length, chain, sizeof(chain));
    length += LENGTH(chain);
    size_t used = seccomp_condense(filter, length, small, LONGEST);
    CHECK(used > 0);
    for (int round = 0; round < 50; round++)
        CHECK(decide_alike(filter, length, small, used, &state));
}

/* As libseccomp's: for some architectures comparisons of numbers, in any order, and behind all of
   them chains of arguments, which may look at the number again. */
static size_t make_filter(struct sock_filter *filter, uint32_t *state)
{
    const uint32_t answers[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1,
                                SECCOMP_RET_ERRNO | 38};
    const uint16_t operations[] = {BPF_JEQ, BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE};
    const size_t chains = 300 + draw(state) % 200, length = chains + 50;
    const uint32_t spread = 20 + draw(state) % 200;
    size_t at = 0;
    while (at + 40 < chains) {
        const size_t start = at + 2, size = 20 + draw(state) % (chains - at - 30);
        filter[at++] = (struct sock_filter)LOAD(ARCHITECTURE);
        filter[at++] = (struct sock_filter)IF(BPF_JEQ, 7 + draw(state) % 3, 1, 0);
        filter[at++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)size);
        for (filter[at++] = (struct sock_filter)LOAD(NUMBER); at < start + size - 1; at += 2) {
            filter[at] =
                (struct sock_filter)IF(operations[draw(state) % 5], draw(state) % spread, 0, 1);
            const uint32_t target = (uint32_t)(chains + draw(state) % 40 - at - 2);
            filter[at + 1] = draw(state) % 8 == 0
                                 ? (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, target)
                                 : (struct sock_filter)GIVE(answers[draw(state) % 4]);
        }
        filter[at++] = (struct sock_filter)GIVE(answers[draw(state) % 4]);
        if (at < start + size + 1)
            filter[at++] = (struct sock_filter)GIVE(0);
    }
    while (at < chains)
        filter[at++] = (struct sock_filter)GIVE(SECCOMP_RET_KILL_PROCESS);
    for (; at + 1 < length; at++) {
        const uint32_t reach = (uint32_t)(length - at - 1);
        const uint32_t kind = draw(state) % 8;
        if (kind < 3)
            filter[at] = (struct sock_filter)LOAD((uint32_t)ARGUMENT + 4 * (draw(state) % 12));
        else if (kind == 3)
            filter[at] = (struct sock_filter)LOAD(NUMBER);
        else if (kind == 4)
            filter[at] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, draw(state));
        else if (kind == 5)
            filter[at] = (struct sock_filter)GIVE(answers[draw(state) % 4]);
        else
            filter[at] = (struct sock_filter)IF(operations[draw(state) % 5], draw(state) % spread,
                                                (uint8_t)(draw(state) % reach),
                                                (uint8_t)(draw(state) % reach));
    }
    filter[at] = (struct sock_filter)GIVE(SECCOMP_RET_ERRNO | 2);
    return length;
}

TEST(drawn, "filters that were drawn by lot decide alike when they are smaller")
{
    struct sock_filter filter[LONGEST], small[LONGEST];
    uint32_t state = 20261122;
    int condensed = 0;
    for (int round = 0; round < 600; round++) {
        size_t length = make_filter(filter, &state);
        size_t used = seccomp_condense(filter, length, small, LONGEST);
        CHECK(used < length);
        if (used == 0)
            continue;
        condensed++;
        CHECK(decide_alike(filter, length, small, used, &state));
    }
    CHECK(condensed > 200);
}

TEST(left_alone, "what libseccomp never writes is left as it is")
{
    struct sock_filter small[LONGEST];
    const struct sock_filter less_than[] = {
        LOAD(ARCHITECTURE), IF(BPF_JGE, 7, 0, 1), GIVE(1), GIVE(2), GIVE(3), GIVE(4)};
    const struct sock_filter either[] = {LOAD(NUMBER),
                                         IF(BPF_JEQ, 1, 1, 0),
                                         LOAD(ARCHITECTURE),
                                         IF(BPF_JEQ, 7, 0, 1),
                                         GIVE(1),
                                         GIVE(2),
                                         GIVE(3),
                                         GIVE(4)};
    const struct sock_filter stored[] = {LOAD(NUMBER), BPF_STMT(BPF_ST, 0), GIVE(1), GIVE(2)};
    const struct sock_filter outside[] = {LOAD(NUMBER), IF(BPF_JEQ, 1, 0, 9), GIVE(1), GIVE(2)};
    const struct sock_filter endless[] = {LOAD(NUMBER), GIVE(1), LOAD(NUMBER), LOAD(NUMBER)};
    const struct sock_filter bits[] = {
        LOAD(NUMBER), IF(BPF_JSET, 1, 0, 1), GIVE(1), GIVE(2), GIVE(2), GIVE(2)};
    const struct sock_filter unloaded[] = {
        IF(BPF_JEQ, 0, 0, 1), GIVE(1), GIVE(2), GIVE(3), GIVE(4), GIVE(5)};
    CHECK(seccomp_condense(less_than, LENGTH(less_than), small, LONGEST) == 0);
    CHECK(seccomp_condense(either, LENGTH(either), small, LONGEST) == 0);
    CHECK(seccomp_condense(stored, LENGTH(stored), small, LONGEST) == 0);
    CHECK(seccomp_condense(outside, LENGTH(outside), small, LONGEST) == 0);
    CHECK(seccomp_condense(endless, LENGTH(endless), small, LONGEST) == 0);
    CHECK(seccomp_condense(bits, LENGTH(bits), small, LONGEST) == 0);
    CHECK(seccomp_condense(unloaded, LENGTH(unloaded), small, LONGEST) == 0);
    CHECK(seccomp_condense(unloaded, 0, small, LONGEST) == 0);
}
