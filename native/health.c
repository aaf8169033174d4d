#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "proto.h"
#include "protocol.h"

#define HEADER   8u
#define JOIN_MAX 128u
/* Milliseconds that a killed check has to be gone; then its monitor is killed too. */
#define PATIENCE 2000

void health_init(struct health *health)
{
    memset(health, 0, sizeof(*health));
    health->control = health->output = -1;
}

/* ---- settings --------------------------------------------------------------- */

static void put_u32(uint8_t *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(value >> (8 * i));
}

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
        put_u32(at, (uint32_t)length);
        memcpy(at + 4, words[i], length + 1);
        at += 4 + length + 1;
    }
    check->size = (size_t)(at - check->launch);
    put_u32(check->launch, TSMAN_MSG_LAUNCH);
    put_u32(check->launch + 4, (uint32_t)(check->size - HEADER));
}

/* ---- state ------------------------------------------------------------------ */

static const struct health_check *current(const struct health *health)
{
    bool starts_up = health->state.has_startup && !health->state.startup_passed;
    return starts_up ? &health->startup : &health->regular;
}

static uint32_t interval_now(const struct health *health, int64_t now)
{
    const struct health_check *check = current(health);
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
    if (current(health) == &health->startup) {
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

/* ---- a check ---------------------------------------------------------------- */

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

_Noreturn static void become_check(int control, int output, pid_t parent)
{
    static char name[] = "tsman-monitor", verb[] = "monitor",
                title[] = "                                                                ";
    char *arguments[] = {name, verb, title, NULL}, *environment[] = {NULL};
    sigset_t none;
    lifeline_tie(parent);
    /* For the program; the monitor of the check forbids it again. */
    lifeline_restore_core();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Out of the way of the numbers that they are going to have. */
    int high[2] = {fcntl(control, F_DUPFD_CLOEXEC, 16), fcntl(output, F_DUPFD_CLOEXEC, 16)};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (high[0] >= 0 && high[1] >= 0 && null >= 0 && dup2(null, 0) >= 0 && dup2(high[1], 1) >= 0 &&
        dup2(high[1], 2) >= 0 && dup2(high[0], TSMAN_CONTROL_FD) >= 0) {
        if (kernel_close_range(TSMAN_CONTROL_FD + 1, ~0u, 0) < 0) {
            for (int fd = TSMAN_CONTROL_FD + 1; fd < 1024; fd++)
                close(fd);
        }
        execve("/proc/self/exe", arguments, environment);
    }
    _exit(127);
}

/* Stopped by SIGSTOP or a tracer: whoever paused the container would find the check
   waiting inside. */
static bool is_paused(pid_t init)
{
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

static int start_check(struct health *health)
{
    int sockets[2], pipes[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return -1;
    cleanup_close int control = sockets[0];
    cleanup_close int their_control = sockets[1];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    cleanup_close int output = pipes[0];
    cleanup_close int their_output = pipes[1];
    if (fcntl(output, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        become_check(their_control, their_output, parent);
    health->child = pid;
    health->control = give_fd(&control);
    health->output = give_fd(&output);
    return 0;
}

static void begin_check(struct health *health, int64_t now)
{
    const struct health_check *check = current(health);
    health->wanted = false;
    health->next = 0;
    if (is_paused(health->init)) {
        schedule(health, now);
        return;
    }
    health->result = (struct health_result){.start = wall_clock()};
    health->sent = health->have = health->skip = 0;
    health->timed_out = health->has_code = false;
    health->deadline = check->timeout > 0 ? now + check->timeout : 0;
    if (start_check(health) < 0)
        schedule(health, now);
}

/* The output's last word, for what the check itself could not say. */
static void note(struct health *health, const char *text)
{
    struct health_result *result = &health->result;
    size_t length = strlen(text), room = HEALTH_OUTPUT - result->length;
    if (length > room)
        length = room;
    memcpy(result->output + result->length, text, length);
    result->length += length;
}

static void send_launch(struct health *health)
{
    const struct health_check *check = current(health);
    while (health->sent < check->size) {
        ssize_t sent = send(health->control, check->launch + health->sent,
                            check->size - health->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno != EAGAIN)
                health->sent = check->size;
            return;
        }
        health->sent += (size_t)sent;
    }
}

static void take_frame(struct health *health, uint32_t type, const uint8_t *payload, ssize_t size)
{
    if (type == TSMAN_MSG_EXITED && size >= 4) {
        int status = (int)proto_u32(payload);
        health->has_code = true;
        health->result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (type == TSMAN_MSG_FAILED && size >= 4) {
        uint32_t error = proto_u32(payload + (size >= 8 ? 4 : 0));
        char text[160];
        health->has_code = true;
        health->result.code = error == ENOENT ? 127 : 126;
        snprintf(text, sizeof(text), "the check cannot be run: %s", strerror((int)error));
        note(health, text);
    }
}

/* Frames of the check's monitor: two matter, and of them the first bytes. */
static void take_frames(struct health *health)
{
    uint8_t chunk[4096];
    while (health->control >= 0) {
        size_t want = health->have < HEADER ? HEADER - health->have : health->skip;
        uint8_t *to = health->have < HEADER ? health->head + health->have : chunk;
        if (want > sizeof(chunk))
            want = sizeof(chunk);
        if (want > 0) {
            ssize_t got = recv(health->control, to, want, MSG_DONTWAIT);
            if (got < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            if (got <= 0) {
                drop_fd(&health->control);
                return;
            }
            if (health->have < HEADER) {
                health->have += (size_t)got;
                if (health->have == HEADER)
                    health->skip = proto_u32(health->head + 4);
            } else {
                take_frame(health, proto_u32(health->head), chunk, got);
                /* The rest of a long one is text of which nothing is kept. */
                put_u32(health->head, 0);
                health->skip -= (uint32_t)got;
            }
        }
        if (health->have == HEADER && health->skip == 0)
            health->have = 0;
    }
}

static void take_output(struct health *health)
{
    uint8_t chunk[4096];
    struct health_result *result = &health->result;
    /* Bounded: one that writes without end must not keep us here. */
    for (int i = 0; i < 16 && health->output >= 0; i++) {
        ssize_t got = read(health->output, chunk, sizeof(chunk));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            drop_fd(&health->output);
            return;
        }
        size_t room = HEALTH_OUTPUT - result->length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(result->output + result->length, chunk, kept);
        result->length += kept;
    }
}

static void take_too_long(struct health *health, int64_t now)
{
    if (health->timed_out) {
        kill(health->child, SIGKILL);
        health->deadline = 0;
        return;
    }
    uint8_t frame[HEADER + 4];
    put_u32(frame, TSMAN_MSG_SIGNAL);
    put_u32(frame + 4, 4);
    put_u32(frame + 8, SIGKILL);
    health->timed_out = true;
    health->deadline = now + PATIENCE;
    if (health->control < 0 ||
        send(health->control, frame, sizeof(frame), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        kill(health->child, SIGKILL);
}

size_t health_prepare_poll(const struct health *health, struct pollfd *fds)
{
    bool sends = health->child > 0 && health->sent < current(health)->size;
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
        if (health->control >= 0)
            send_launch(health);
        take_frames(health);
        take_output(health);
        if (health->deadline != 0 && now >= health->deadline)
            take_too_long(health, now);
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
    take_frames(health);
    take_output(health);
    drop_fd(&health->control);
    drop_fd(&health->output);
    health->child = 0;
    health->result.end = wall_clock();
    if (health->timed_out) {
        char text[80];
        health->result.code = HEALTH_TIMEOUT;
        snprintf(text, sizeof(text), "the check took longer than %u ms",
                 (unsigned)current(health)->timeout);
        health->result.length = 0;
        note(health, text);
    } else if (!health->has_code) {
        health->result.code = 125;
        note(health, "the check ended without saying how");
    }
    if (health->init > 0) {
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
