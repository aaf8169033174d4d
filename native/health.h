/*
 * Health checks (SET_HEALTH; protocol.h): a program that is run in the container every
 * so often and says by its exit status whether the container is well.  Monitor only,
 * with the caller's ids; nothing of it runs in Node.
 *
 * A check is an exec session: this program again as `monitor`, with the prepared plan
 * and JOIN_PROCESS added, its output in a pipe of ours.  One at a time; what it writes
 * beyond HEALTH_OUTPUT bytes is dropped, so it can neither block nor fill anything.  One
 * that takes longer than it may is killed and counts as failed, unless the container was
 * paused meanwhile: then it counts as nothing.
 *
 * Until the startup check has succeeded often enough the other one is not run.  Within
 * the start period a failure does not count.
 *
 * The state file is for others to read, complete at any time (health-state.c).
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "plan.h"

#define HEALTH_RESULTS 5
#define HEALTH_OUTPUT  500u
#define HEALTH_POLLFDS 2
#define HEALTH_TIMEOUT (-1) /* the exit code of a check that took too long */

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
enum health_action { HEALTH_NOTHING, HEALTH_KILL, HEALTH_STOP, HEALTH_RESTART };

struct health_result {
    int64_t start, end; /* nanoseconds since 1970 */
    int code;           /* of the exit, as in the exit file, or HEALTH_TIMEOUT */
    size_t length;
    uint8_t output[HEALTH_OUTPUT];
};

struct health_state {
    enum health_status status;
    bool has_startup, startup_passed;
    uint32_t streak; /* failures in a row */
    uint64_t checks; /* done so far */
    size_t count;    /* of `results`, the newest last */
    struct health_result results[HEALTH_RESULTS];
};

struct health_check {
    uint8_t *launch; /* a whole LAUNCH frame but for its JOIN_PROCESS; owned */
    size_t size;
    uint32_t interval, timeout, retries; /* milliseconds; retries 0: never */
};

struct health {
    char path[1024]; /* of the state file; "": there are no checks */
    struct health_check regular, startup;
    uint32_t start_period, start_interval, successes;
    enum health_action on_failure;
    const struct cgroup *cgroup; /* the container's, or NULL; the monitor's */
    pid_t init;
    uint64_t init_start_time;
    int64_t began, next; /* milliseconds of the monotonic clock; next 0: never */
    bool wanted, asked;  /* somebody asked for a check now; for the one that runs */
    struct health_state state;
    uint32_t startup_streak, startup_successes;

    /* The check that runs. */
    pid_t child; /* 0: none */
    int control, output;
    size_t sent;
    uint8_t head[8];
    size_t have;
    uint32_t skip;
    int64_t deadline;
    bool timed_out, interrupted, has_code;
    struct health_result result;

    /* For the monitor, which resets them. */
    bool changed;
    enum health_action action;
};

void health_init(struct health *health);
/* Copies what it needs of the plan. */
int health_read(struct health *health, const struct plan *plan, struct failure *failure);
/* The container's program runs. */
void health_begin(struct health *health, pid_t init, uint64_t start_time, int64_t now);
void health_want(struct health *health);
/* The container was paused: a check that runs ends, and says nothing about its health. */
void health_interrupt(struct health *health, int64_t now);
#define HEALTH_NUMBERS 6
/* Other numbers for the regular check, in the order of SET_HEALTH; the last one is an
   enum health_action. */
void health_change(struct health *health, const uint64_t numbers[HEALTH_NUMBERS], int64_t now);

size_t health_prepare_poll(const struct health *health, struct pollfd *fds);
int health_timeout(const struct health *health, int64_t now);
/* Moves on: reads, ends what takes too long, starts what is due. */
void health_pump(struct health *health, int64_t now);
/* True when it was the check's process. */
bool health_take_child(struct health *health, pid_t pid, int status, int64_t now);

/* The container has ended: so does the check. */
void health_end(struct health *health);

const char *health_status_name(enum health_status status);
/* Replaces the state file.  -1 and errno. */
int health_write_state(const char *path, const struct health_state *state);
