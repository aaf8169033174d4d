/* What is written down about a container's health, and about a kill. */
#include "../health.h"

#include <unistd.h>

#include "../oom.h"
#include "test.h"

static char path[128];
static const char *directory;

static const char *written(const struct health_state *state)
{
    directory = test_directory();
    snprintf(path, sizeof(path), "%s/health", directory);
    return health_write_state(path, state) < 0 ? "failed" : test_read(directory, "health");
}

static void add_result(struct health_state *state, int code, const char *output, size_t length)
{
    struct health_result *result = &state->results[state->count++];
    *result = (struct health_result){.start = 1, .end = 2, .code = code, .length = length};
    memcpy(result->output, output, length);
}

TEST(fresh_state, "a container that has just started is starting")
{
    static struct health_state state;
    CHECK_STRING(written(&state), "status starting\nstreak 0\nchecks 0\n");
}

TEST(results, "results have their output in as many bytes as they say, the oldest first")
{
    static struct health_state state = {.status = HEALTH_UNHEALTHY, .streak = 2, .checks = 9};
    state.has_startup = state.startup_passed = true;
    add_result(&state, 3, "status healthy\n", 15);
    add_result(&state, HEALTH_TIMEOUT, "", 0);
    CHECK_STRING(written(&state), "status unhealthy\nstreak 2\nstartup passed\nchecks 9\n"
                                  "result 1 2 3 15\nstatus healthy\n\nresult 1 2 -1 0\n\n");
}

TEST(most_output, "five results of the longest output fit")
{
    static struct health_state state = {.status = HEALTH_HEALTHY, .checks = ~0ull, .streak = ~0u};
    static char output[HEALTH_OUTPUT];
    memset(output, 'x', sizeof(output));
    for (int i = 0; i < HEALTH_RESULTS; i++) {
        add_result(&state, -1, output, sizeof(output));
        state.results[i].start = state.results[i].end = INT64_MIN;
    }
    CHECK(strlen(written(&state)) > HEALTH_RESULTS * HEALTH_OUTPUT);
}

TEST(unwritable_state, "a state that cannot be written is an error, and nothing else")
{
    static struct health_state state;
    CHECK(health_write_state("/proc/no/such/health", &state) < 0);
}

TEST(link_as_temporary, "a link in the way of the state is replaced, not followed")
{
    static struct health_state state;
    char target[140], temporary[140];
    directory = test_directory();
    snprintf(path, sizeof(path), "%s/health", directory);
    snprintf(temporary, sizeof(temporary), "%s~", path);
    snprintf(target, sizeof(target), "%s/victim", directory);
    CHECK(test_write(directory, "victim", "intact", 6) == 0);
    CHECK(symlink(target, temporary) == 0);
    CHECK(health_write_state(path, &state) == 0);
    CHECK_STRING(test_read(directory, "victim"), "intact");
}

TEST(oom_verdicts, "nobody says out of memory who cannot know")
{
    struct oom_counter nothing = {.events = -1};
    CHECK(oom_verdict(&nothing, 0) == OOM_NO);
    CHECK(oom_verdict(&nothing, 1) == OOM_UNKNOWN);
    oom_end(&nothing);
}
