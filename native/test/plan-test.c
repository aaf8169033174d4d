/* The bytes of the launch plan and the order of its steps, security case S29. */
#include "../plan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../protocol.h"
#include "plan-builder.h"
#include "test.h"

TEST(least_plan, "the least plan is a version and a program")
{
    builder_least();
    CHECK(builder_parse() == 0);
    CHECK(plan.settings_count == 1 && plan.steps_count == 1);
    CHECK_STRING(plan.steps[0].argv[0], "/bin/true");
    CHECK(plan.steps[0].argv[1] == NULL);
}

TEST(other_version, "a plan of another protocol version is refused")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "2", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && failure.errnum == EPROTO);
    builder_begin();
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && failure.errnum == EPROTO);
}

TEST(every_prefix, "a plan that is cut off anywhere is refused")
{
    builder_begin();
    builder_record(TSMAN_OP_EXEC, 3, "/bin/echo", "a", "bcd");
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    size_t whole = builder.size;
    CHECK(builder_parse() == 0);
    for (size_t size = 0; size < whole; size++) {
        builder.size = size;
        CHECK(builder_parse() < 0);
    }
}

TEST(large_lengths, "an operand longer than the plan is refused, whatever its length")
{
    static const uint32_t lengths[] = {10,         11,         0xffff,     0x10000,
                                       0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        builder_least();
        builder_put_head(TSMAN_SET_ID, 1);
        uint8_t length[4] = {(uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8),
                             (uint8_t)(lengths[i] >> 16), (uint8_t)(lengths[i] >> 24)};
        builder_put(length, 4);
        builder_put("abcdefghi", 10);
        CHECK(builder_parse() < 0 || lengths[i] == 9);
        CHECK(failure.errnum == EBADMSG);
    }
}

TEST(inner_nul, "a string with a NUL inside is refused, data with one is not")
{
    builder_least();
    builder_put_head(TSMAN_SET_ID, 1);
    builder_put_data("a\0b", 3);
    CHECK(builder_parse() < 0 && failure.errnum == EBADMSG);
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_put_head(TSMAN_OP_SECCOMP, 2);
    builder_put_data("\6\0\0\0\0\0\xff\x7f", 8);
    builder_put_data("0", 1);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() == 0);
    CHECK(plan.steps[0].length[0] == 8);
}

TEST(missing_end, "an operand that does not end with a NUL is refused")
{
    builder_least();
    builder_put_head(TSMAN_SET_ID, 1);
    builder_put("\1\0\0\0aX", 6);
    CHECK(builder_parse() < 0 && failure.errnum == EBADMSG);
}

TEST(unknown_op, "an unknown operation is refused")
{
    static const uint16_t ops[] = {0, 200, 255, 999, 65535};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        builder_begin();
        builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        builder_record(ops[i], 0, NULL, NULL, NULL);
        builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(builder_parse() < 0);
        CHECK(strstr(failure.object, "unknown") != NULL);
    }
}

TEST(wrong_count, "a wrong number of operands is refused")
{
    builder_least();
    builder_record(TSMAN_SET_MAP_TOOLS, 1, "/usr/bin/newuidmap", NULL, NULL);
    CHECK(builder_parse() < 0);
    builder_least();
    builder_record(TSMAN_SET_UID_MAP, 2, "0", "1000", NULL);
    CHECK(builder_parse() < 0);
    builder_least();
    builder_record(TSMAN_SET_HOLD, 1, "x", NULL, NULL);
    CHECK(builder_parse() < 0);
}

TEST(bad_numbers, "a number is digits only, within its range")
{
    static const char *const wrong[] = {"",   "-1",  "+1",         " 1",
                                        "1 ", "0x1", "4294967296", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        builder_least();
        builder_record(TSMAN_SET_TIMEOUT, 1, wrong[i], NULL, NULL);
        CHECK(builder_parse() < 0);
    }
    builder_least();
    builder_record(TSMAN_SET_TIMEOUT, 1, "4294967295", NULL, NULL);
    CHECK(builder_parse() == 0);
}

TEST(given_twice, "a setting that is given twice is refused")
{
    builder_least();
    builder_record(TSMAN_SET_ID, 1, "a", NULL, NULL);
    builder_record(TSMAN_SET_ID, 1, "b", NULL, NULL);
    CHECK(builder_parse() < 0 && strstr(failure.object, "twice") != NULL);
}

TEST(unopened_slot, "a step with a slot that nothing opens is refused")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    builder_record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    builder_record(TSMAN_OP_ROOT_BIND, 1, "@4", NULL, NULL);
    builder_record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
    builder_record(TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && strstr(failure.object, "not opened") != NULL);
}

TEST(out_of_order, "a mount before the new root is entered is refused")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_OP_READONLY, 1, "/proc", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && strstr(failure.object, "order") != NULL);
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    builder_record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    builder_record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
    builder_record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
}

TEST(exec_last, "the program is the last step and there is one")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    CHECK(builder_parse() < 0);
    builder_least();
    builder_record(TSMAN_OP_UMASK, 1, "022", NULL, NULL);
    CHECK(builder_parse() < 0);
    builder_least();
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
}

TEST(too_many_records, "more records than the limit are refused, 100000 of them at once")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    for (int i = 0; i < 100000; i++)
        builder_record(TSMAN_OP_READONLY, 1, "/a", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
    CHECK(failure.errnum == E2BIG);
    CHECK(strstr(failure.object, "TSMAN_MAX_RECORDS") != NULL);
}

TEST(too_many_operands, "more operands than the limit are refused")
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_put_head(TSMAN_OP_EXEC, 20001);
    for (int i = 0; i < 20001; i++)
        builder_put_data("x", 1);
    CHECK(builder_parse() < 0 && failure.errnum == E2BIG);
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_put_head(TSMAN_OP_EXEC, 20000);
    for (int i = 0; i < 20000; i++)
        builder_put_data("x", 1);
    CHECK(builder_parse() == 0);
}

TEST(too_large, "a plan larger than the limit is refused")
{
    builder_least();
    uint8_t byte = 0;
    while (builder.size <= TSMAN_MAX_LAUNCH_BYTES)
        builder_put(&byte, 1);
    CHECK(builder_parse() < 0 && failure.errnum == E2BIG);
}

/* xorshift: the same inputs in every run. */
static uint32_t random_state = 2463534242u;
static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

TEST(flipped_bytes, "no change of a few bytes makes the parser read out of bounds")
{
    for (int round = 0; round < 20000; round++) {
        builder_begin();
        builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        builder_record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
        builder_record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
        builder_record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
        builder_record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
        builder_record(TSMAN_OP_SYSCTL, 2, "net/ipv4/x", "1", NULL);
        builder_record(TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
        builder_record(TSMAN_OP_EXEC, 3, "/bin/echo", "a", "b");
        for (uint32_t i = next_random() % 4; i < 4; i++)
            builder.bytes[next_random() % builder.size] = (uint8_t)next_random();
        if (next_random() % 4 == 0)
            builder.size = next_random() % builder.size;
        if (builder_parse() == 0)
            CHECK(plan.steps[plan.steps_count - 1].op == TSMAN_OP_EXEC);
    }
}
