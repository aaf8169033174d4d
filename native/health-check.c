#include "health-check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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

#define HEADER 8u
/* Milliseconds that a killed check has to be gone; then its monitor is killed too. */
#define PATIENCE 2000

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

static int start_process(struct health *health)
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

int health_check_begin(struct health *health, int64_t now)
{
    const struct health_check *check = health_current(health);
    health->result = (struct health_result){.start = wall_clock()};
    health->sent = health->have = health->skip = 0;
    health->timed_out = health->interrupted = health->has_code = false;
    health->deadline = check->timeout > 0 ? now + check->timeout : 0;
    return start_process(health);
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
    const struct health_check *check = health_current(health);
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
                proto_put_u32(health->head, 0);
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

static void kill_program(struct health *health, int64_t now)
{
    uint8_t frame[HEADER + 4];
    proto_put_u32(frame, TSMAN_MSG_SIGNAL);
    proto_put_u32(frame + 4, 4);
    proto_put_u32(frame + 8, SIGKILL);
    health->deadline = now + PATIENCE;
    if (health->control < 0 ||
        send(health->control, frame, sizeof(frame), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        kill(health->child, SIGKILL);
}

static bool was_told(const struct health *health)
{
    return health->timed_out || health->interrupted;
}

bool health_check_is_late(const struct health *health, int64_t now)
{
    return health->deadline != 0 && now >= health->deadline && !was_told(health);
}

void health_check_interrupt(struct health *health, int64_t now)
{
    health->interrupted = true;
    kill_program(health, now);
}

static void take_too_long(struct health *health, int64_t now)
{
    if (was_told(health)) {
        kill(health->child, SIGKILL);
        health->deadline = 0;
        return;
    }
    health->timed_out = true;
    kill_program(health, now);
}

void health_check_move(struct health *health, int64_t now)
{
    if (health->control >= 0)
        send_launch(health);
    take_frames(health);
    take_output(health);
    if (health->deadline != 0 && now >= health->deadline)
        take_too_long(health, now);
}

void health_check_end(struct health *health)
{
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
                 (unsigned)health_current(health)->timeout);
        health->result.length = 0;
        note(health, text);
    } else if (!health->has_code) {
        health->result.code = 125;
        note(health, "the check ended without saying how");
    }
}
