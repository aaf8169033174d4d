#include "seccomp-ranges.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER       offsetof(struct seccomp_data, nr)
#define ARCHITECTURE offsetof(struct seccomp_data, arch)

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define JUMP (BPF_JMP | BPF_JA)
#define GIVE (BPF_RET | BPF_K)

/* Of a conditional jump's two offsets, 8 bits each. */
#define FARTHEST 255
/* More than libseccomp knows. */
#define MAX_ARCHITECTURES 32

/* What is decided without a look at the arguments: the answer, or, for others, the first
   instruction that loads one, before which nothing is left that matters after it. */
struct outcome {
    bool is_answer;
    uint32_t value;
};

/* From its first number to the one before the next range. */
struct range {
    uint32_t first;
    struct outcome outcome;
};

struct condenser {
    const struct sock_filter *filter;
    size_t length;
    struct sock_filter *small;
    size_t room, used;
    /* Every number at which an answer may change, ascending. */
    uint32_t *edges;
    size_t edge_count;
    struct range *ranges;
    size_t range_count;
    /* Of the filter's instructions: to be copied, and where to. */
    bool *is_kept;
    uint32_t *place;
    /* Of the filter's instructions: enum loaded. */
    uint8_t *loads;
};

static bool is_comparison(uint16_t code)
{
    return code == (BPF_JMP | BPF_JEQ | BPF_K) || code == (BPF_JMP | BPF_JGT | BPF_K) ||
           code == (BPF_JMP | BPF_JGE | BPF_K);
}

static bool compare(const struct sock_filter *one, uint32_t value)
{
    if (BPF_OP(one->code) == BPF_JEQ)
        return value == one->k;
    return BPF_OP(one->code) == BPF_JGT ? value > one->k : value >= one->k;
}

/* Only what libseccomp writes, and no jump out of the filter. */
static bool is_known(const struct condenser *self)
{
    for (size_t at = 0; at < self->length; at++) {
        const struct sock_filter *one = &self->filter[at];
        size_t farthest = at + 1;
        if (one->code == GIVE)
            continue;
        if (one->code == JUMP)
            farthest += one->k;
        else if (is_comparison(one->code) || one->code == (BPF_JMP | BPF_JSET | BPF_K))
            farthest += one->jt > one->jf ? one->jt : one->jf;
        else if (one->code != LOAD && one->code != (BPF_ALU | BPF_AND | BPF_K))
            return false;
        if (farthest >= self->length)
            return false;
    }
    return true;
}

/* False where the number or the architecture are used in another way than by comparing. */
static bool decide(const struct condenser *self, uint32_t architecture, uint32_t number,
                   struct outcome *outcome)
{
    uint32_t value = 0;
    bool is_loaded = false;
    for (size_t at = 0; at < self->length;) {
        const struct sock_filter *one = &self->filter[at];
        if (one->code == GIVE) {
            *outcome = (struct outcome){true, one->k};
            return true;
        }
        if (one->code == LOAD && one->k != NUMBER && one->k != ARCHITECTURE) {
            *outcome = (struct outcome){false, (uint32_t)at};
            return true;
        }
        if (one->code == LOAD) {
            value = one->k == NUMBER ? number : architecture;
            is_loaded = true;
            at++;
        } else if (one->code == JUMP) {
            at += 1 + one->k;
        } else if (is_loaded && is_comparison(one->code)) {
            at += 1u + (compare(one, value) ? one->jt : one->jf);
        } else {
            return false;
        }
    }
    return false;
}

static bool emit(struct condenser *self, struct sock_filter one)
{
    if (self->used == self->room)
        return false;
    self->small[self->used++] = one;
    return true;
}

static bool is_same(struct outcome one, struct outcome other)
{
    return one.is_answer == other.is_answer && one.value == other.value;
}

/* Every instruction that can follow: all jumps go forward. */
static void keep_from(struct condenser *self, size_t first)
{
    self->is_kept[first] = true;
    for (size_t at = first; at < self->length; at++) {
        const struct sock_filter *one = &self->filter[at];
        if (!self->is_kept[at] || one->code == GIVE)
            continue;
        if (one->code == JUMP) {
            self->is_kept[at + 1 + one->k] = true;
        } else if (BPF_CLASS(one->code) == BPF_JMP) {
            self->is_kept[at + 1u + one->jt] = true;
            self->is_kept[at + 1u + one->jf] = true;
        } else {
            self->is_kept[at + 1] = true;
        }
    }
}

/* What all numbers come to on one architecture. */
static bool find_ranges(struct condenser *self, uint32_t architecture)
{
    self->range_count = 0;
    for (size_t i = 0; i < self->edge_count; i++) {
        struct outcome outcome;
        if (!decide(self, architecture, self->edges[i], &outcome))
            return false;
        if (!outcome.is_answer)
            keep_from(self, outcome.value);
        if (self->range_count > 0 && is_same(outcome, self->ranges[self->range_count - 1].outcome))
            continue;
        self->ranges[self->range_count++] = (struct range){self->edges[i], outcome};
    }
    return true;
}

/* ---- a tree of ranges ------------------------------------------------------------ */

/* Distinct outcomes of some ranges, each of which gets one instruction behind the tree. */
struct leaves {
    struct outcome list[FARTHEST];
    size_t count, at;
};

static size_t leaf_of(const struct leaves *leaves, struct outcome outcome)
{
    size_t index = 0;
    while (index < leaves->count && !is_same(leaves->list[index], outcome))
        index++;
    return index;
}

/* False where the tree and its leaves are too many for jumps of 8 bits. */
static bool collect(const struct range *ranges, size_t count, struct leaves *leaves)
{
    leaves->count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t index = leaf_of(leaves, ranges[i].outcome);
        if (index == leaves->count) {
            if (index == FARTHEST)
                return false;
            leaves->list[leaves->count++] = ranges[i].outcome;
        }
        if (count + leaves->count > FARTHEST)
            return false;
    }
    return true;
}

/* Instructions of a tree without its leaves are one less than its ranges. */
static bool emit_nodes(struct condenser *self, const struct range *ranges, size_t count,
                       const struct leaves *leaves)
{
    if (count == 1)
        return true;
    const size_t left = count / 2, right = count - left;
    const size_t after = self->used + 1;
    const size_t below = left > 1 ? after : leaves->at + leaf_of(leaves, ranges[0].outcome);
    const size_t above =
        right > 1 ? after + left - 1 : leaves->at + leaf_of(leaves, ranges[left].outcome);
    const struct sock_filter node = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[left].first,
                                             (uint8_t)(above - after), (uint8_t)(below - after));
    return emit(self, node) && emit_nodes(self, ranges, left, leaves) &&
           emit_nodes(self, ranges + left, right, leaves);
}

/* Where arguments are looked at is not known yet: such jumps say where from, until link_kept(). */
static bool emit_tree(struct condenser *self, const struct range *ranges, size_t count)
{
    struct leaves leaves;
    if (!collect(ranges, count, &leaves)) {
        const size_t left = count / 2;
        const size_t jump = self->used + 1;
        if (!emit(self, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[left].first,
                                                     0, 1)) ||
            !emit(self, (struct sock_filter)BPF_STMT(JUMP, 0)) || !emit_tree(self, ranges, left))
            return false;
        self->small[jump].k = (uint32_t)(self->used - jump - 1);
        return emit_tree(self, ranges + left, count - left);
    }
    leaves.at = self->used + count - 1;
    if (!emit_nodes(self, ranges, count, &leaves))
        return false;
    for (size_t i = 0; i < leaves.count; i++) {
        const struct outcome outcome = leaves.list[i];
        /* Marked by jt, which an unconditional jump has no use for. */
        const struct sock_filter leaf =
            outcome.is_answer ? (struct sock_filter)BPF_STMT(GIVE, outcome.value)
                              : (struct sock_filter)BPF_JUMP(JUMP, outcome.value, 1, 0);
        if (!emit(self, leaf))
            return false;
    }
    return true;
}

/* In their order, so that jumps stay forward and become no longer. */
static bool copy_kept(struct condenser *self)
{
    for (size_t at = 0; at < self->length; at++) {
        if (!self->is_kept[at])
            continue;
        self->place[at] = (uint32_t)self->used;
        if (!emit(self, self->filter[at]))
            return false;
    }
    return true;
}

static void link_kept(struct condenser *self, size_t first_kept)
{
    for (size_t i = 0; i < first_kept; i++) {
        struct sock_filter *one = &self->small[i];
        if (one->code == JUMP && one->jt == 1)
            *one = (struct sock_filter)BPF_STMT(JUMP, self->place[one->k] - (uint32_t)i - 1);
    }
    for (size_t at = 0; at < self->length; at++) {
        if (!self->is_kept[at] || BPF_CLASS(self->filter[at].code) != BPF_JMP)
            continue;
        const size_t here = self->place[at];
        struct sock_filter *one = &self->small[here];
        if (one->code == JUMP) {
            one->k = self->place[at + 1 + one->k] - (uint32_t)here - 1;
        } else {
            one->jt = (uint8_t)(self->place[at + 1u + one->jt] - here - 1);
            one->jf = (uint8_t)(self->place[at + 1u + one->jf] - here - 1);
        }
    }
}

/* ---- the whole --------------------------------------------------------------------- */

static int ascending(const void *one, const void *other)
{
    const uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static void find_edges(struct condenser *self)
{
    size_t count = 0;
    self->edges[count++] = 0;
    for (size_t at = 0; at < self->length; at++) {
        const struct sock_filter *one = &self->filter[at];
        if (!is_comparison(one->code))
            continue;
        self->edges[count++] = one->k;
        if (one->k < UINT32_MAX)
            self->edges[count++] = one->k + 1;
    }
    qsort(self->edges, count, sizeof(self->edges[0]), ascending);
    self->edge_count = 1;
    for (size_t i = 1; i < count; i++) {
        if (self->edges[i] != self->edges[self->edge_count - 1])
            self->edges[self->edge_count++] = self->edges[i];
    }
}

/* What may have been loaded last when an instruction is executed. */
enum loaded {
    LOADED_NOTHING = 1,
    LOADED_NUMBER = 2,
    LOADED_ARCHITECTURE = 4,
    LOADED_ARGUMENT = 8,
};

static uint8_t load_of(const struct sock_filter *one, uint8_t before)
{
    if (one->code != LOAD)
        return before;
    if (one->k == NUMBER)
        return LOADED_NUMBER;
    return one->k == ARCHITECTURE ? LOADED_ARCHITECTURE : LOADED_ARGUMENT;
}

static void find_loads(struct condenser *self)
{
    self->loads[0] = LOADED_NOTHING;
    for (size_t at = 0; at < self->length; at++) {
        const struct sock_filter *one = &self->filter[at];
        const uint8_t after = load_of(one, self->loads[at]);
        if (self->loads[at] == 0 || one->code == GIVE)
            continue;
        if (one->code == JUMP) {
            self->loads[at + 1 + one->k] |= after;
        } else if (BPF_CLASS(one->code) == BPF_JMP) {
            self->loads[at + 1u + one->jt] |= after;
            self->loads[at + 1u + one->jf] |= after;
        } else {
            self->loads[at + 1] |= after;
        }
    }
}

/* Architectures are only looked at for being equal: else no list of them would do. */
static bool find_architectures(struct condenser *self, uint32_t *list, size_t *count)
{
    *count = 0;
    find_loads(self);
    for (size_t at = 0; at < self->length; at++) {
        const struct sock_filter *one = &self->filter[at];
        if (BPF_CLASS(one->code) != BPF_JMP || one->code == JUMP ||
            !(self->loads[at] & LOADED_ARCHITECTURE))
            continue;
        if (self->loads[at] != LOADED_ARCHITECTURE || BPF_OP(one->code) != BPF_JEQ)
            return false;
        size_t known = 0;
        while (known < *count && list[known] != one->k)
            known++;
        if (known < *count)
            continue;
        if (*count == MAX_ARCHITECTURES)
            return false;
        list[(*count)++] = one->k;
    }
    return true;
}

/* Any that the filter does not name. */
static uint32_t other_architecture(const struct condenser *self)
{
    for (uint32_t candidate = 0;; candidate++) {
        size_t at = 0;
        while (at < self->length && self->filter[at].k != candidate)
            at++;
        if (at == self->length)
            return candidate;
    }
}

static bool emit_all(struct condenser *self)
{
    uint32_t list[MAX_ARCHITECTURES];
    size_t count;
    find_edges(self);
    if (!find_architectures(self, list, &count) ||
        !emit(self, (struct sock_filter)BPF_STMT(LOAD, ARCHITECTURE)))
        return false;
    for (size_t i = 0; i <= count; i++) {
        const size_t jump = self->used + 1;
        const bool is_last = i == count;
        if (!find_ranges(self, is_last ? other_architecture(self) : list[i]))
            return false;
        if (!is_last &&
            (!emit(self, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, list[i], 1, 0)) ||
             !emit(self, (struct sock_filter)BPF_STMT(JUMP, 0))))
            return false;
        if (!emit(self, (struct sock_filter)BPF_STMT(LOAD, NUMBER)) ||
            !emit_tree(self, self->ranges, self->range_count))
            return false;
        if (!is_last)
            self->small[jump].k = (uint32_t)(self->used - jump - 1);
    }
    const size_t first_kept = self->used;
    if (!copy_kept(self))
        return false;
    link_kept(self, first_kept);
    return true;
}

size_t seccomp_condense(const struct sock_filter *filter, size_t length, struct sock_filter *small,
                        size_t room)
{
    struct condenser self = {.filter = filter, .length = length, .small = small};
    self.room = room < length ? room : length;
    self.edges = calloc(2 * length + 1, sizeof(self.edges[0]));
    self.ranges = calloc(2 * length + 1, sizeof(self.ranges[0]));
    self.is_kept = calloc(length + 1, sizeof(self.is_kept[0]));
    self.place = calloc(length + 1, sizeof(self.place[0]));
    self.loads = calloc(length + 1, sizeof(self.loads[0]));
    const bool is_done = self.edges != NULL && self.ranges != NULL && self.is_kept != NULL &&
                         self.place != NULL && self.loads != NULL && length > 0 &&
                         is_known(&self) && emit_all(&self);
    free(self.edges);
    free(self.ranges);
    free(self.is_kept);
    free(self.place);
    free(self.loads);
    return is_done && self.used < length ? self.used : 0;
}
