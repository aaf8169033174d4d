/* The parser of the launch plan, security case S29. */
#include "../plan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../protocol.h"
#include "test.h"

struct builder {
    uint8_t *bytes;
    size_t size, room;
};

static struct builder builder;
static struct failure failure;
static struct plan plan;

static void begin(void)
{
    builder.size = 0;
    memset(&failure, 0, sizeof(failure));
}

static void put(const void *data, size_t size)
{
    if (builder.size + size > builder.room) {
        builder.room = (builder.size + size) * 2;
        builder.bytes = realloc(builder.bytes, builder.room);
    }
    if (size > 0)
        memcpy(builder.bytes + builder.size, data, size);
    builder.size += size;
}

static void put_head(uint16_t op, uint16_t argc)
{
    uint8_t head[4] = {(uint8_t)op, (uint8_t)(op >> 8), (uint8_t)argc, (uint8_t)(argc >> 8)};
    put(head, 4);
}

static void put_data(const void *data, uint32_t size)
{
    uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
                         (uint8_t)(size >> 24)};
    put(length, 4);
    put(data, size);
    put("", 1);
}

static void record(uint16_t op, uint16_t argc, const char *a, const char *b, const char *c)
{
    const char *operands[] = {a, b, c};
    put_head(op, argc);
    for (uint16_t i = 0; i < argc; i++)
        put_data(operands[i], (uint32_t)strlen(operands[i]));
}

static int parse(void)
{
    /* An exact copy, so that the sanitizer sees a read beyond the end. */
    static uint8_t *copy;
    free(copy);
    copy = malloc(builder.size ? builder.size : 1);
    memcpy(copy, builder.bytes, builder.size);
    plan_release(&plan);
    memset(&failure, 0, sizeof(failure));
    int result = plan_parse(&plan, copy, builder.size, &failure);
    if (result < 0 && !failure.set)
        abort();
    return result;
}

static void least(void)
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
}

TEST(least_plan, "the least plan is a version and a program")
{
    least();
    CHECK(parse() == 0);
    CHECK(plan.settings_count == 1 && plan.steps_count == 1);
    CHECK_STRING(plan.steps[0].argv[0], "/bin/true");
    CHECK(plan.steps[0].argv[1] == NULL);
}

TEST(other_version, "a plan of another protocol version is refused")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "2", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && failure.errnum == EPROTO);
    begin();
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && failure.errnum == EPROTO);
}

TEST(every_prefix, "a plan that is cut off anywhere is refused")
{
    begin();
    record(TSMAN_OP_EXEC, 3, "/bin/echo", "a", "bcd");
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    size_t whole = builder.size;
    CHECK(parse() == 0);
    for (size_t size = 0; size < whole; size++) {
        builder.size = size;
        CHECK(parse() < 0);
    }
}

TEST(large_lengths, "an operand longer than the plan is refused, whatever its length")
{
    static const uint32_t lengths[] = {10,         11,         0xffff,     0x10000,
                                       0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        least();
        put_head(TSMAN_SET_ID, 1);
        uint8_t length[4] = {(uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8),
                             (uint8_t)(lengths[i] >> 16), (uint8_t)(lengths[i] >> 24)};
        put(length, 4);
        put("abcdefghi", 10);
        CHECK(parse() < 0 || lengths[i] == 9);
        CHECK(failure.errnum == EBADMSG);
    }
}

TEST(inner_nul, "a string with a NUL inside is refused, data with one is not")
{
    least();
    put_head(TSMAN_SET_ID, 1);
    put_data("a\0b", 3);
    CHECK(parse() < 0 && failure.errnum == EBADMSG);
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    put_head(TSMAN_OP_SECCOMP, 2);
    put_data("\6\0\0\0\0\0\xff\x7f", 8);
    put_data("0", 1);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() == 0);
    CHECK(plan.steps[0].length[0] == 8);
}

TEST(missing_end, "an operand that does not end with a NUL is refused")
{
    least();
    put_head(TSMAN_SET_ID, 1);
    put("\1\0\0\0aX", 6);
    CHECK(parse() < 0 && failure.errnum == EBADMSG);
}

TEST(unknown_op, "an unknown operation is refused")
{
    static const uint16_t ops[] = {0, 200, 255, 999, 65535};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        begin();
        record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        record(ops[i], 0, NULL, NULL, NULL);
        record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(parse() < 0);
        CHECK(strstr(failure.object, "unknown") != NULL);
    }
}

TEST(wrong_count, "a wrong number of operands is refused")
{
    least();
    record(TSMAN_SET_MAP_TOOLS, 1, "/usr/bin/newuidmap", NULL, NULL);
    CHECK(parse() < 0);
    least();
    record(TSMAN_SET_UID_MAP, 2, "0", "1000", NULL);
    CHECK(parse() < 0);
    least();
    record(TSMAN_SET_HOLD, 1, "x", NULL, NULL);
    CHECK(parse() < 0);
}

TEST(bad_numbers, "a number is digits only, within its range")
{
    static const char *const wrong[] = {"",   "-1",  "+1",         " 1",
                                        "1 ", "0x1", "4294967296", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        least();
        record(TSMAN_SET_TIMEOUT, 1, wrong[i], NULL, NULL);
        CHECK(parse() < 0);
    }
    least();
    record(TSMAN_SET_TIMEOUT, 1, "4294967295", NULL, NULL);
    CHECK(parse() == 0);
}

TEST(given_twice, "a setting that is given twice is refused")
{
    least();
    record(TSMAN_SET_ID, 1, "a", NULL, NULL);
    record(TSMAN_SET_ID, 1, "b", NULL, NULL);
    CHECK(parse() < 0 && strstr(failure.object, "twice") != NULL);
}

TEST(unopened_slot, "a step with a slot that nothing opens is refused")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    record(TSMAN_OP_ROOT_BIND, 1, "@4", NULL, NULL);
    record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
    record(TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && strstr(failure.object, "not opened") != NULL);
}

TEST(out_of_order, "a mount before the new root is entered is refused")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_OP_READONLY, 1, "/proc", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && strstr(failure.object, "order") != NULL);
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
    record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
}

TEST(exec_last, "the program is the last step and there is one")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    CHECK(parse() < 0);
    least();
    record(TSMAN_OP_UMASK, 1, "022", NULL, NULL);
    CHECK(parse() < 0);
    least();
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
}

TEST(too_many_records, "more records than the limit are refused, 100000 of them at once")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    for (int i = 0; i < 100000; i++)
        record(TSMAN_OP_READONLY, 1, "/a", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
    CHECK(failure.errnum == E2BIG);
    CHECK(strstr(failure.object, "TSMAN_MAX_RECORDS") != NULL);
}

TEST(too_many_operands, "more operands than the limit are refused")
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    put_head(TSMAN_OP_EXEC, 20001);
    for (int i = 0; i < 20001; i++)
        put_data("x", 1);
    CHECK(parse() < 0 && failure.errnum == E2BIG);
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    put_head(TSMAN_OP_EXEC, 20000);
    for (int i = 0; i < 20000; i++)
        put_data("x", 1);
    CHECK(parse() == 0);
}

TEST(too_large, "a plan larger than the limit is refused")
{
    least();
    uint8_t byte = 0;
    while (builder.size <= TSMAN_MAX_LAUNCH_BYTES)
        put(&byte, 1);
    CHECK(parse() < 0 && failure.errnum == E2BIG);
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
        begin();
        record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
        record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
        record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
        record(TSMAN_OP_ENTER_ROOT, 0, NULL, NULL, NULL);
        record(TSMAN_OP_SYSCTL, 2, "net/ipv4/x", "1", NULL);
        record(TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
        record(TSMAN_OP_EXEC, 3, "/bin/echo", "a", "b");
        for (uint32_t i = next_random() % 4; i < 4; i++)
            builder.bytes[next_random() % builder.size] = (uint8_t)next_random();
        if (next_random() % 4 == 0)
            builder.size = next_random() % builder.size;
        if (parse() == 0)
            CHECK(plan.steps[plan.steps_count - 1].op == TSMAN_OP_EXEC);
    }
}

static void session(void)
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_JOIN_PROCESS, 2, "42", "18446744073709551615", NULL);
}

TEST(joins, "a process is joined with the steps of the process alone")
{
    session();
    record(TSMAN_OP_UMASK, 1, "022", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() == 0);
    const uint16_t makes[] = {TSMAN_OP_PROPAGATION, TSMAN_OP_HOSTNAME, TSMAN_OP_DOMAINNAME};
    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
        session();
        record(makes[i], 1, "rprivate", NULL, NULL);
        record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(parse() < 0);
    }
    session();
    record(TSMAN_SET_UNSHARE, 1, "user", NULL, NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
    session();
    record(TSMAN_SET_OPEN, 3, "0", "/", "dir");
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
    session();
    record(TSMAN_SET_JOIN_PROCESS, 2, "43", "1", NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0);
}

TEST(preserved, "no more descriptors are preserved than the limit says")
{
    least();
    record(TSMAN_SET_PRESERVE, 1, "512", NULL, NULL);
    CHECK(parse() == 0);
    least();
    record(TSMAN_SET_PRESERVE, 1, "513", NULL, NULL);
    CHECK(parse() < 0 && failure.errnum == E2BIG);
}

TEST(words, "a word of a list is found as a whole only")
{
    CHECK(plan_has_word("a,optional,b", "optional"));
    CHECK(plan_has_word("optional", "optional"));
    CHECK(!plan_has_word("optionally,xoptional", "optional"));
    CHECK(!plan_has_word("", "optional"));
}

static int with_setting(uint16_t op, const char *a, const char *b, const char *c)
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_UNSHARE, 2, "user", "time", NULL);
    record(op, c ? 3 : 2, a, b, c);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return parse();
}

TEST(namespaces, "a namespace is made or joined once, and is one that there is")
{
    CHECK(with_setting(TSMAN_SET_JOIN, "network", "/x", NULL) == 0);
    CHECK(with_setting(TSMAN_SET_JOIN, "user", "/x", NULL) < 0);
    CHECK(with_setting(TSMAN_SET_JOIN, "net", "/x", NULL) < 0);
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_JOIN, 2, "uts", "/x", NULL);
    record(TSMAN_SET_JOIN, 2, "uts", "/y", NULL);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && strstr(failure.object, "uts") != NULL);
}

TEST(time_offsets, "offsets of time are signed, and of a namespace that is made")
{
    CHECK(with_setting(TSMAN_SET_TIME_OFFSET, "monotonic", "-5", "0") == 0);
    CHECK(plan_signed(plan_setting(&plan, TSMAN_SET_TIME_OFFSET), 1) == -5);
    CHECK(with_setting(TSMAN_SET_TIME_OFFSET, "monotonic", "9223372036854775807", "0") == 0);
    CHECK(plan_signed(plan_setting(&plan, TSMAN_SET_TIME_OFFSET), 1) == INT64_MAX);
    static const char *const wrong[] = {"", "-", "--5", "+5", "5-", "9223372036854775808", "1.5"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(with_setting(TSMAN_SET_TIME_OFFSET, "monotonic", wrong[i], "0") < 0);
    least();
    record(TSMAN_SET_TIME_OFFSET, 3, "monotonic", "5", "0");
    CHECK(parse() < 0 && strstr(failure.object, "no time namespace") != NULL);
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_UNSHARE, 1, "time", NULL, NULL);
    record(TSMAN_SET_JOIN, 2, "user", "/x", NULL);
    record(TSMAN_SET_TIME_OFFSET, 3, "monotonic", "5", "0");
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(parse() < 0 && strstr(failure.object, "joined") != NULL);
}

TEST(host_names, "nothing of the host is named, mounted or set up")
{
    static const uint16_t steps[] = {TSMAN_OP_HOSTNAME, TSMAN_OP_DOMAINNAME, TSMAN_OP_PROPAGATION};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        begin();
        record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        record(TSMAN_SET_UNSHARE, 1, "pid", NULL, NULL);
        record(steps[i], 1, "rprivate", NULL, NULL);
        record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(parse() < 0 && strstr(failure.object, "order") != NULL);
        begin();
        record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        record(TSMAN_SET_UNSHARE, 2, "uts", "mount", NULL);
        record(steps[i], 1, "rprivate", NULL, NULL);
        record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(parse() == 0);
    }
    least();
    record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    put_head(TSMAN_OP_LOOPBACK, 0);
    CHECK(parse() < 0);
}

static int idmapped(const char *uids, uint16_t triples)
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    put_head(TSMAN_SET_OPEN_IDMAPPED, (uint16_t)(4 + 3 * triples));
    put_data("7", 1);
    put_data("/x", 2);
    put_data("", 0);
    put_data(uids, (uint32_t)strlen(uids));
    for (uint16_t i = 0; i < 3 * triples; i++)
        put_data("1", 1);
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return parse();
}

TEST(idmapped_mounts, "a mount's maps are of both kinds, and as many as it says")
{
    CHECK(idmapped("1", 2) == 0);
    CHECK(idmapped("3", 4) == 0);
    CHECK(idmapped("0", 2) < 0);
    CHECK(idmapped("2", 2) < 0);
    CHECK(idmapped("4294967295", 2) < 0);
    CHECK(idmapped("1", 0) < 0);
}

/* In the plan of a container whose root is entered when `phase` is 2, left when it is 3. */
static int hook(int phase, bool joins, const char *const *operands, uint16_t count)
{
    begin();
    record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    if (joins)
        record(TSMAN_SET_JOIN, 2, "user", "/x", NULL);
    record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
    for (int now = 1; now <= 3; now++) {
        if (now == phase) {
            put_head(TSMAN_OP_HOOK, count);
            for (uint16_t i = 0; i < count; i++)
                put_data(operands[i], (uint32_t)strlen(operands[i]));
        }
        if (now < 3)
            record(now == 1 ? TSMAN_OP_ENTER_ROOT : TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
    }
    record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return parse();
}

TEST(hooks, "a hook stands where it is run, with as many arguments as it says")
{
    const char *operands[] = {"container", "/bin/hook", "100", "{}", "1", "hook", "A=b"};
    CHECK(hook(2, false, operands, 7) == 0);
    CHECK(hook(1, false, operands, 7) < 0);
    CHECK(hook(3, false, operands, 7) < 0);
    CHECK(hook(2, true, operands, 7) < 0);
    operands[0] = "start";
    CHECK(hook(3, false, operands, 7) == 0);
    CHECK(hook(3, true, operands, 7) == 0);
    CHECK(hook(2, false, operands, 7) < 0);
    operands[4] = "2";
    CHECK(hook(3, false, operands, 7) == 0);
    operands[4] = "3";
    CHECK(hook(3, false, operands, 7) < 0);
    operands[4] = "0";
    CHECK(hook(3, false, operands, 5) == 0);
    operands[1] = "hook";
    CHECK(hook(3, false, operands, 5) < 0);
    operands[0] = "stop";
    operands[1] = "/bin/hook";
    CHECK(hook(3, false, operands, 5) < 0);
}
