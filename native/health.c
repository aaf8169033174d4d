#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "health-check.h"
#include "memory.h"
#include "proto.h"
#include "protocol.h"

#define HEADER   8u
#define JOIN_MAX 128u

void health_init(struct health *health)
{
    memset(health, 0, sizeof(*health));
    health->control = health->output = -1;
}

/* ---- settings --------------------------------------------------------------- */

static int copy_launch(struct health_check *check, const struct plan_record *record,
                       struct failure *failure)
{
    size_t length = record->length[0];
    check->launch = malloc(HEADER + length + JOIN_MAX);
    if (check->launch == NULL)
        return fail(failure, ENOMEM, "read settings", "health check");
    memcpy(check->launch + HEADER, record->argv[0], length);
    check->size = HEADER + length;
    return 0;
}

static enum health_action action_of(const char *word)
{
    if (strcmp(word, "kill") == 0)
        return HEALTH_KILL;
    if (strcmp(word, "stop") == 0)
        return HEALTH_STOP;
    return strcmp(word, "restart") == 0 ? HEALTH_RESTART : HEALTH_NOTHING;
}

int health_read(struct health *health, const struct plan *plan, struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_HEALTH);
    const struct plan_record *launch = plan_setting(plan, TSMAN_SET_HEALTH_PLAN);
    if (record == NULL || launch == NULL)
        return 0;
    if (record->length[0] >= sizeof(health->path))
        return fail(failure, ENAMETOOLONG, "open", "%s", record->argv[0]);
    memcpy(health->path, record->argv[0], record->length[0] + 1);
    health->regular.interval = (uint32_t)plan_number(record, 1);
    health->regular.timeout = (uint32_t)plan_number(record, 2);
    health->start_period = (uint32_t)plan_number(record, 3);
    health->start_interval = (uint32_t)plan_number(record, 4);
    health->regular.retries = (uint32_t)plan_number(record, 5);
    health->on_failure = action_of(record->argv[6]);
    if (copy_launch(&health->regular, launch, failure) < 0)
        return -1;
    record = plan_setting(plan, TSMAN_SET_HEALTH_STARTUP);
    launch = plan_setting(plan, TSMAN_SET_HEALTH_STARTUP_PLAN);
    if (record == NULL || launch == NULL)
        return 0;
    health->startup.interval = (uint32_t)plan_number(record, 0);
    health->startup.timeout = (uint32_t)plan_number(record, 1);
    health->startup.retries = (uint32_t)plan_number(record, 2);
    health->successes = (uint32_t)plan_number(record, 3);
    health->state.has_startup = true;
    return copy_launch(&health->startup, launch, failure);
}

/* Adds what is known only now: whose namespaces the check joins. */
static void complete_launch(struct health_check *check, pid_t init, uint64_t start_time)
{
    char words[2][24];
    if (check->launch == NULL)
        return;
    snprintf(words[0], sizeof(words[0]), "%d", (int)init);
    snprintf(words[1], sizeof(words[1]), "%llu", (unsigned long long)start_time);
    uint8_t *at = check->launch + check->size;
    *at++ = (uint8_t)TSMAN_SET_JOIN_PROCESS;
    *at++ = (uint8_t)(TSMAN_SET_JOIN_PROCESS >> 8);
    *at++ = 2;
    *at++ = 0;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(words[i]);
        proto_put_u32(at, (uint32_t)length);
        memcpy(at + 4, words[i], length + 1);
        at += 4 + length + 1;
    }
    check->size = (size_t)(at - check->launch);
    proto_put_u32(check->launch, TSMAN_MSG_LAUNCH);
    proto_put_u32(check->launch + 4, (uint32_t)(check->size - HEADER));
}

/* ---- state ------------------------------------------------------------------ */

const struct health_check *health_current(const struct health *health)
{
    bool starts_up = health->state.has_startup && !health->state.startup_passed;
    return starts_up ? &health->startup : &health->regular;
}

static uint32_t interval_now(const struct health *health, int64_t now)
{
    const struct health_check *check = health_current(health);
    if (check == &health->regular && health->start_interval > 0 &&
        health->state.status == HEALTH_STARTING && now - health->began < health->start_period)
        return health->start_interval;
    return check->interval;
}

static void schedule(struct health *health, int64_t now)
{
    uint32_t interval = interval_now(health, now);
    health->next = interval > 0 ? now + interval : 0;
}

static void become(struct health *health, enum health_status status)
{
    if (health->state.status == status)
        return;
    health->state.status = status;
    health->changed = true;
    if (status == HEALTH_UNHEALTHY)
        health->action = health->on_failure;
}

static void count_startup(struct health *health, bool is_well)
{
    if (!is_well) {
        health->startup_successes = 0;
        health->startup_streak++;
        if (health->startup.retries > 0 && health->startup_streak >= health->startup.retries) {
            health->startup_streak = 0;
            health->action = HEALTH_RESTART;
        }
        return;
    }
    health->startup_streak = 0;
    health->startup_successes++;
    if (health->startup_successes >= health->successes)
        health->state.startup_passed = true;
}

static void count_result(struct health *health, int64_t now)
{
    struct health_state *state = &health->state;
    bool is_well = health->result.code == 0;
    if (state->count == HEALTH_RESULTS) {
        memmove(state->results, state->results + 1,
                (HEALTH_RESULTS - 1) * sizeof(state->results[0]));
        state->count--;
    }
    state->results[state->count++] = health->result;
    state->checks++;
    if (health_current(health) == &health->startup) {
        count_startup(health, is_well);
    } else if (is_well) {
        state->streak = 0;
        become(health, HEALTH_HEALTHY);
    } else if (state->status != HEALTH_STARTING || now - health->began >= health->start_period) {
        state->streak++;
        if (state->streak >= health->regular.retries)
            become(health, HEALTH_UNHEALTHY);
    }
    health_write_state(health->path, state);
}

void health_begin(struct health *health, pid_t init, uint64_t start_time, int64_t now)
{
    if (health->path[0] == '\0')
        return;
    health->init = init;
    health->init_start_time = start_time;
    health->began = now;
    complete_launch(&health->regular, init, start_time);
    complete_launch(&health->startup, init, start_time);
    health_write_state(health->path, &health->state);
    schedule(health, now);
}

void health_change(struct health *health, const uint64_t numbers[HEALTH_NUMBERS], int64_t now)
{
    if (health->path[0] == '\0' || numbers[5] > HEALTH_RESTART)
        return;
    health->regular.interval = (uint32_t)numbers[0];
    health->regular.timeout = (uint32_t)numbers[1];
    health->start_period = (uint32_t)numbers[2];
    health->start_interval = (uint32_t)numbers[3];
    health->regular.retries = (uint32_t)numbers[4];
    health->on_failure = (enum health_action)numbers[5];
    /* The one that runs now ends under the old rules. */
    if (health->init > 0 && health->child == 0)
        schedule(health, now);
}

void health_want(struct health *health)
{
    health->wanted = health->path[0] != '\0' && health->init > 0;
}

void health_interrupt(struct health *health, int64_t now)
{
    if (health->child > 0 && !health->timed_out && !health->interrupted)
        health_check_interrupt(health, now);
}

/* Frozen, or stopped by SIGSTOP or a tracer: whoever paused the container would find the check
   waiting inside. */
static bool is_paused(const struct health *health)
{
    const pid_t init = health->init;
    if (health->cgroup != NULL && cgroup_is_frozen(health->cgroup))
        return true;
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)init);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    return at != NULL && (at[2] == 'T' || at[2] == 't');
}

static void begin_check(struct health *health, int64_t now)
{
    health->asked = health->wanted;
    health->wanted = false;
    health->next = 0;
    if (is_paused(health)) {
        schedule(health, now);
        return;
    }
    if (health_check_begin(health, now) < 0)
        schedule(health, now);
}

size_t health_prepare_poll(const struct health *health, struct pollfd *fds)
{
    bool sends = health->child > 0 && health->sent < health_current(health)->size;
    fds[0] =
        (struct pollfd){.fd = health->control, .events = (short)(POLLIN | (sends ? POLLOUT : 0))};
    fds[1] = (struct pollfd){.fd = health->output, .events = POLLIN};
    return HEALTH_POLLFDS;
}

int health_timeout(const struct health *health, int64_t now)
{
    int64_t at = health->child > 0 ? health->deadline : health->next;
    if (health->wanted && health->child == 0 && health->init > 0)
        return 0;
    if (at == 0)
        return -1;
    return at <= now ? 0 : at - now > 3600000 ? 3600000 : (int)(at - now);
}

void health_pump(struct health *health, int64_t now)
{
    if (health->init == 0)
        return;
    if (health->child > 0) {
        if (health_check_is_late(health, now) && is_paused(health))
            health_interrupt(health, now);
        health_check_move(health, now);
        return;
    }
    if (health->wanted || (health->next != 0 && now >= health->next))
        begin_check(health, now);
}

bool health_take_child(struct health *health, pid_t pid, int status, int64_t now)
{
    if (pid != health->child || pid == 0)
        return false;
    (void)status;
    health_check_end(health);
    if (health->init > 0) {
        if (health->interrupted)
            health->wanted |= health->asked;
        else
            count_result(health, now);
        schedule(health, now);
    }
    return true;
}

void health_end(struct health *health)
{
    health->init = 0;
    health->next = 0;
    health->wanted = false;
    if (health->child > 0)
        kill(health->child, SIGKILL);
    drop_fd(&health->control);
    drop_fd(&health->output);
}
