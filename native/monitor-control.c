#include "monitor-state.h"
#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "number.h"
#include "protocol.h"
#include "sync.h"

int64_t monitor_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void monitor_null_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

void monitor_signal_init(struct monitor *monitor, uint32_t number)
{
    if (monitor->init <= 0 || number >= NSIG)
        return;
    if (number == SIGKILL)
        monitor->killed = true;
    kill(monitor->init, (int)number);
}

void monitor_kill_after(struct monitor *monitor, uint32_t milliseconds)
{
    int64_t at = monitor_now() + milliseconds;
    if (monitor->kill_at == 0 || at < monitor->kill_at)
        monitor->kill_at = at;
}

/* Milliseconds that a set-up has at least to be done when somebody wants the container's end.
   It takes some ten of them; only one that hangs takes so long. */
#define SET_UP_PATIENCE 5000u

/* Whether a program will run that is not there yet. */
static bool is_coming(const struct monitor *monitor)
{
    bool stays = monitor->phase == HOLDING && monitor->settings.stay[0] != '\0';
    return monitor->phase < RUNNING && !stays;
}

static void note_early(struct monitor *monitor, uint32_t number)
{
    if (number > 0 && number < NSIG)
        monitor->early.signals |= UINT64_C(1) << (number - 1);
}

static void stop(struct monitor *monitor, uint32_t number, uint32_t milliseconds)
{
    monitor->stop_asked = true;
    if (is_coming(monitor)) {
        note_early(monitor, number);
        if (!monitor->early.stop || milliseconds < monitor->early.milliseconds)
            monitor->early.milliseconds = milliseconds;
        monitor->early.stop = true;
        monitor_kill_after(monitor,
                           milliseconds < SET_UP_PATIENCE ? SET_UP_PATIENCE : milliseconds);
        return;
    }
    /* There is no program yet that could hear anything else. */
    monitor_signal_init(monitor, monitor->phase == HOLDING ? SIGKILL : number);
    monitor_kill_after(monitor, milliseconds);
}

/* By another command: one of the caller's own is not too early for it. */
static void signal_program(struct monitor *monitor, uint32_t number)
{
    if (!is_coming(monitor))
        monitor_signal_init(monitor, number);
    else
        note_early(monitor, number);
    if (is_coming(monitor) && number == SIGKILL)
        monitor_kill_after(monitor, SET_UP_PATIENCE);
}

void monitor_take_early(struct monitor *monitor)
{
    const struct early early = monitor->early;
    monitor->early = (struct early){0};
    if (early.stop)
        stop(monitor, 0, early.milliseconds);
    for (uint32_t number = 1; number < NSIG; number++) {
        if (early.signals & UINT64_C(1) << (number - 1))
            monitor_signal_init(monitor, number);
    }
}

int monitor_end_patience(struct monitor *monitor)
{
    monitor->kill_at = 0;
    if (is_coming(monitor))
        return fail(&monitor->failure, 0, "start",
                    "container: another command has ended it before its program ran");
    monitor_signal_init(monitor, SIGKILL);
    return 0;
}

void monitor_resize(const struct monitor *monitor, uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (monitor->io.tty && monitor->io.out.source >= 0)
        ioctl(monitor->io.out.source, (int)TIOCSWINSZ, &size);
}

void monitor_leave_caller(struct monitor *monitor)
{
    io_disconnect_caller(&monitor->io);
    monitor_null_streams();
}

int monitor_take_frames(struct monitor *monitor)
{
    struct proto_frame frame;
    int got;
    while ((got = proto_next(&monitor->control, &frame)) > 0) {
        const uint8_t *p = frame.payload;
        if (frame.type == TSMAN_MSG_START && monitor->phase == HOLDING)
            monitor->settings.hold = false;
        else if (frame.type == TSMAN_MSG_GO && monitor->phase == SETTING_UP) {
            monitor->caller_asked = false;
            if (order_give_type(monitor->orders, ORDER_GO_ON, &monitor->failure) < 0)
                return -1;
        } else if (frame.type == TSMAN_MSG_SIGNAL && frame.length == 4)
            monitor_signal_init(monitor, proto_u32(p));
        else if (frame.type == TSMAN_MSG_RESIZE && frame.length == 4)
            monitor_resize(monitor, proto_u16(p), proto_u16(p + 2));
        else if (frame.type == TSMAN_MSG_STOP && frame.length == 8)
            stop(monitor, proto_u32(p), proto_u32(p + 4));
    }
    if (got == 0)
        return 0;
    /* The caller is gone.  A container that it did not see start is not wanted by
       anybody; a running one goes on, into its log. */
    if (monitor->phase == HOLDING && monitor->settings.stay[0] != '\0') {
        monitor_leave_caller(monitor);
        return 0;
    }
    if (monitor->phase < RUNNING)
        return fail(&monitor->failure, ECONNRESET, "start", "container: the caller is gone");
    if (monitor->settings.ephemeral) {
        monitor->stop_asked = true;
        monitor_signal_init(monitor, SIGKILL);
    }
    monitor_leave_caller(monitor);
    return 0;
}

static void take_control_line(struct monitor *monitor, char *line)
{
    uint64_t numbers[HEALTH_NUMBERS] = {0};
    char *rest = NULL;
    const char *verb = strtok_r(line, " \t\r", &rest);
    int count = 0;
    for (const char *word; (word = strtok_r(NULL, " \t\r", &rest)) != NULL; count++) {
        if (count == HEALTH_NUMBERS || !number_parse(word, 10, UINT32_MAX, &numbers[count]))
            return;
    }
    if (verb == NULL)
        return;
    if (strcmp(verb, "signal") == 0 && count == 1)
        signal_program(monitor, (uint32_t)numbers[0]);
    else if (strcmp(verb, "stop") == 0 && count == 2)
        stop(monitor, (uint32_t)numbers[0], (uint32_t)numbers[1]);
    else if (strcmp(verb, "stop") == 0 && count == 0)
        stop(monitor, monitor->settings.stop_signal, monitor->settings.stop_timeout);
    else if (strcmp(verb, "keep") == 0 && count == 0)
        monitor->kept = true;
    else if (strcmp(verb, "give-up") == 0 && count == 0 && monitor->waits)
        monitor->stop_asked = true;
    else if (strcmp(verb, "start") == 0 && count == 0 && monitor->phase == HOLDING &&
             monitor->settings.stay[0] != '\0')
        monitor->settings.hold = false;
    else if (strcmp(verb, "health") == 0 && count == 0)
        health_want(&monitor->health);
    else if (strcmp(verb, "paused") == 0 && count == 0)
        health_interrupt(&monitor->health, monitor_now());
    else if (strcmp(verb, "health-policy") == 0 && count == HEALTH_NUMBERS)
        health_change(&monitor->health, numbers, monitor_now());
    else if (strcmp(verb, "resize") == 0 && count == 2)
        monitor_resize(monitor, (uint16_t)numbers[0], (uint16_t)numbers[1]);
}

void monitor_take_control_lines(struct monitor *monitor)
{
    char chunk[128];
    ssize_t got;
    while ((got = read(monitor->rundir.control, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            size_t room = sizeof(monitor->control_line) - 1;
            if (chunk[i] != '\n') {
                /* The rest of a line that is too long makes it invalid. */
                if (monitor->control_length < room)
                    monitor->control_line[monitor->control_length++] = chunk[i];
                else
                    monitor->control_line[0] = '?';
                continue;
            }
            monitor->control_line[monitor->control_length] = '\0';
            monitor->control_length = 0;
            take_control_line(monitor, monitor->control_line);
        }
    }
}

/* With LEAVE the program is somebody else's from its execve on, also when it ends before we have
   left: who gets it then waits for its status. */
static bool is_given_away(const struct monitor *monitor)
{
    siginfo_t next = {0};
    return monitor->settings.leave && monitor->phase >= STARTING &&
           waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) == 0 && next.si_pid != 0 &&
           next.si_pid == monitor->init;
}

int monitor_take_signals(struct monitor *monitor)
{
    struct signalfd_siginfo info;
    while (read(monitor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM) {
            if (monitor->phase < RUNNING)
                return fail(&monitor->failure, EINTR, "start", "container: SIGTERM");
            stop(monitor, monitor->settings.stop_signal, monitor->settings.stop_timeout);
        }
    }
    pid_t pid;
    int status;
    while (!is_given_away(monitor) && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (monitor_take_child(monitor, pid, status) < 0)
            return -1;
    }
    return 0;
}
