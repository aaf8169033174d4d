/* What the records of a launch plan may say, and beside what others, security case S29. */
#include "../plan.h"

#include <errno.h>
#include <stdint.h>

#include "../protocol.h"
#include "plan-builder.h"
#include "test.h"

static void session(void)
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_JOIN_PROCESS, 2, "42", "18446744073709551615", NULL);
}

TEST(joins, "a process is joined with the steps of the process alone")
{
    session();
    builder_record(TSMAN_OP_UMASK, 1, "022", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() == 0);
    const uint16_t makes[] = {TSMAN_OP_PROPAGATION, TSMAN_OP_HOSTNAME, TSMAN_OP_DOMAINNAME};
    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
        session();
        builder_record(makes[i], 1, "rprivate", NULL, NULL);
        builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(builder_parse() < 0);
    }
    session();
    builder_record(TSMAN_SET_UNSHARE, 1, "user", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
    session();
    builder_record(TSMAN_SET_OPEN, 3, "0", "/", "dir");
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
    session();
    builder_record(TSMAN_SET_JOIN_PROCESS, 2, "43", "1", NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0);
}

TEST(preserved, "no more descriptors are preserved than the limit says")
{
    builder_least();
    builder_record(TSMAN_SET_PRESERVE, 1, "512", NULL, NULL);
    CHECK(builder_parse() == 0);
    builder_least();
    builder_record(TSMAN_SET_PRESERVE, 1, "513", NULL, NULL);
    CHECK(builder_parse() < 0 && failure.errnum == E2BIG);
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
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_UNSHARE, 2, "user", "time", NULL);
    builder_record(op, c ? 3 : 2, a, b, c);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return builder_parse();
}

TEST(namespaces, "a namespace is made or joined once, and is one that there is")
{
    CHECK(with_setting(TSMAN_SET_JOIN, "network", "/x", NULL) == 0);
    CHECK(with_setting(TSMAN_SET_JOIN, "user", "/x", NULL) < 0);
    CHECK(with_setting(TSMAN_SET_JOIN, "net", "/x", NULL) < 0);
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_JOIN, 2, "uts", "/x", NULL);
    builder_record(TSMAN_SET_JOIN, 2, "uts", "/y", NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && strstr(failure.object, "uts") != NULL);
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
    builder_least();
    builder_record(TSMAN_SET_TIME_OFFSET, 3, "monotonic", "5", "0");
    CHECK(builder_parse() < 0 && strstr(failure.object, "no time namespace") != NULL);
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_UNSHARE, 1, "time", NULL, NULL);
    builder_record(TSMAN_SET_JOIN, 2, "user", "/x", NULL);
    builder_record(TSMAN_SET_TIME_OFFSET, 3, "monotonic", "5", "0");
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    CHECK(builder_parse() < 0 && strstr(failure.object, "joined") != NULL);
}

TEST(host_names, "nothing of the host is named, mounted or set up")
{
    static const uint16_t steps[] = {TSMAN_OP_HOSTNAME, TSMAN_OP_DOMAINNAME, TSMAN_OP_PROPAGATION};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        builder_begin();
        builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        builder_record(TSMAN_SET_UNSHARE, 1, "pid", NULL, NULL);
        builder_record(steps[i], 1, "rprivate", NULL, NULL);
        builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(builder_parse() < 0 && strstr(failure.object, "order") != NULL);
        builder_begin();
        builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
        builder_record(TSMAN_SET_UNSHARE, 2, "uts", "mount", NULL);
        builder_record(steps[i], 1, "rprivate", NULL, NULL);
        builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
        CHECK(builder_parse() == 0);
    }
    builder_least();
    builder_record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    builder_put_head(TSMAN_OP_LOOPBACK, 0);
    CHECK(builder_parse() < 0);
}

static int idmapped(const char *uids, uint16_t triples)
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_put_head(TSMAN_SET_OPEN_IDMAPPED, (uint16_t)(4 + 3 * triples));
    builder_put_data("7", 1);
    builder_put_data("/x", 2);
    builder_put_data("", 0);
    builder_put_data(uids, (uint32_t)strlen(uids));
    for (uint16_t i = 0; i < 3 * triples; i++)
        builder_put_data("1", 1);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return builder_parse();
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
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_SET_UNSHARE, 1, "mount", NULL, NULL);
    if (joins)
        builder_record(TSMAN_SET_JOIN, 2, "user", "/x", NULL);
    builder_record(TSMAN_SET_OPEN, 3, "3", "/", "dir");
    builder_record(TSMAN_OP_ROOT_BIND, 1, "@3", NULL, NULL);
    for (int now = 1; now <= 3; now++) {
        if (now == phase) {
            builder_put_head(TSMAN_OP_HOOK, count);
            for (uint16_t i = 0; i < count; i++)
                builder_put_data(operands[i], (uint32_t)strlen(operands[i]));
        }
        if (now < 3)
            builder_record(now == 1 ? TSMAN_OP_ENTER_ROOT : TSMAN_OP_PIVOT, 0, NULL, NULL, NULL);
    }
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
    return builder_parse();
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
