#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "monitor.h"
#include "plan.h"
#include "proto.h"
#include "protocol.h"

#define FRAME_HEADER 8u

/* What goes to the container.  Not the job control ones: Ctrl-Z stops us as it
   stops any other program. */
static const int proxied[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1,
                              SIGUSR2, SIGALRM, SIGVTALRM, SIGIO};
/* What ends us, and leaves the container running, with --sig-proxy=false. */
static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct session {
    struct proto control;
    struct plan plan;
    uint8_t *frame;
    size_t frame_size;
    const char *id;
    char **again; /* the command line to become for a report */
    pid_t monitor;
    int prepared; /* PREPARED: its socket until the monitor has it, or -1 … */
    pid_t giver;  /* … and who sends there, until it was waited for, or 0 */
    int signals;
    int terminal; /* one of 0 to 2; -1: none, or the container has no use for it */
    bool proxies, raw, prints_id, is_raw;
    bool kept;           /* not to be removed */
    bool ready, started; /* from `ready` on the program may run: it is not tried again */
    uint64_t early;      /* bit N: signal N came between READY and STARTED */
    struct termios found;
};

static void restore_terminal(struct session *session)
{
    if (session->is_raw)
        tcsetattr(session->terminal, TCSADRAIN, &session->found);
    session->is_raw = false;
}

/* The process that takes the memory of Node apart, which we were (replace-process.c): what was
   mapped there, files of the store, is busy until then. */
static void await_heir(void)
{
    while (waitpid(-1, NULL, __WCLONE) > 0 || errno == EINTR)
        ;
}

/* All that Node has left behind. */
static void await_node(struct session *session)
{
    await_heir();
    if (session->giver <= 0)
        return;
    /* Nobody listens to it any more. */
    kill(session->giver, SIGKILL);
    while (waitpid(session->giver, NULL, 0) < 0 && errno == EINTR)
        ;
    session->giver = 0;
}

_Noreturn static void leave(struct session *session, int status)
{
    restore_terminal(session);
    await_node(session);
    _exit(status);
}

/* Becomes the command line of old, which knows how to explain things. */
_Noreturn static void report(struct session *session, const char *why)
{
    char text[128];
    sigset_t none;
    restore_terminal(session);
    drop_fd(&session->control.fd);
    /* What has failed has been undone when the monitor ends. */
    if (session->monitor > 0 && !session->started)
        waitpid(session->monitor, NULL, 0);
    await_node(session);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(text, sizeof(text), "%s %s", why, session->id);
    setenv("TSMAN_SESSION", text, 1);
    lifeline_restore_core();
    execv(session->again[0], session->again);
    fprintf(stderr, "tsman: error: execute %s: %s\n", session->again[0], strerror(errno));
    _exit(125);
}

/* ---- start ---------------------------------------------------------------- */

static int read_launch(struct session *session, const char *path)
{
    static struct failure failure;
    struct stat status;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    unlink(path);
    session->frame_size = (size_t)status.st_size;
    if (session->frame_size <= FRAME_HEADER || session->frame_size > TSMAN_MAX_LAUNCH_BYTES + 8)
        return -1;
    session->frame = mmap(NULL, session->frame_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (session->frame == MAP_FAILED ||
        proto_u32(session->frame + 4) != session->frame_size - FRAME_HEADER)
        return -1;
    return plan_parse(&session->plan, session->frame + FRAME_HEADER,
                      session->frame_size - FRAME_HEADER, &failure);
}

static int read_options(struct session *session)
{
    const struct plan_record *record = plan_setting(&session->plan, TSMAN_SET_SESSION);
    if (record == NULL)
        return -1;
    session->proxies = plan_has_word(record->argv[0], "proxy");
    session->raw = plan_has_word(record->argv[0], "raw");
    session->prints_id = plan_has_word(record->argv[0], "id");
    record = plan_setting(&session->plan, TSMAN_SET_PREPARED);
    if (record != NULL) {
        session->prepared = (int)plan_number(record, 0);
        session->giver = (pid_t)plan_number(record, 1);
        fcntl(session->prepared, F_SETFD, FD_CLOEXEC);
    }
    for (int fd = 0; fd < 3 && plan_setting(&session->plan, TSMAN_SET_TTY) != NULL; fd++) {
        if (session->terminal < 0 && isatty(fd))
            session->terminal = fd;
    }
    return 0;
}

static int take_signals_over(struct session *session)
{
    const int *list = session->proxies ? proxied : ending;
    size_t count = session->proxies ? COUNT(proxied) : COUNT(ending);
    sigset_t wanted, blocked;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGWINCH);
    for (size_t i = 0; i < count; i++) {
        sigaddset(&wanted, list[i]);
        /* One that is ignored never comes, not even here. */
        signal(list[i], SIG_DFL);
    }
    blocked = wanted;
    sigaddset(&blocked, SIGPIPE);
    /* As Node's session, which must not let it open a debugger. */
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    session->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return session->signals < 0 ? -1 : 0;
}

/* Once more while the container runs: with a copy of the program that is not shared (self.h). */
static bool executes_itself(const struct plan *plan)
{
    return plan_setting(plan, TSMAN_SET_HEALTH) != NULL ||
           plan_setting(plan, TSMAN_SET_HEALTH_STARTUP) != NULL ||
           plan_setting(plan, TSMAN_SET_DUMB_INIT) != NULL;
}

_Noreturn static void become_monitor(struct session *session, int control)
{
    static char siblings[1024];
    static char *arguments[] = {(char *)"tsman-native", (char *)"monitor", siblings, NULL};
    /* As of every program that tsman starts: nothing of the caller's (S95). */
    static char *environment[] = {
        (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        (char *)"LC_ALL=C.UTF-8", NULL};
    bool foreground = plan_setting(&session->plan, TSMAN_SET_FOREGROUND) != NULL;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    if (!foreground) {
        cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3 && null >= 0; fd++)
            dup2(null, fd);
    }
    /* Away from where the other is to be. */
    if (session->prepared == TSMAN_CONTROL_FD)
        session->prepared = fcntl(session->prepared, F_DUPFD_CLOEXEC, TSMAN_CONTROL_FD + 2);
    if (control == TSMAN_CONTROL_FD)
        fcntl(control, F_SETFD, 0);
    else if (dup2(control, TSMAN_CONTROL_FD) < 0)
        _exit(125);
    if (session->prepared == TSMAN_CONTROL_FD + 1)
        fcntl(session->prepared, F_SETFD, 0);
    else if (session->prepared >= 0)
        dup2(session->prepared, TSMAN_CONTROL_FD + 1);
    const struct plan_record *run_dir = plan_setting(&session->plan, TSMAN_SET_RUN_DIR);
    if (run_dir != NULL && !executes_itself(&session->plan) &&
        run_dir->length[0] < sizeof(siblings))
        memcpy(siblings, run_dir->argv[0], run_dir->length[0] + 1);
    char *last = strrchr(siblings, '/');
    if (last != NULL)
        *last = '\0';
    environ = environment;
    _exit(monitor_main(arguments));
}

static int start_monitor(struct session *session)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    session->monitor = fork();
    if (session->monitor == 0)
        become_monitor(session, pair[1]);
    lifeline_forbid_core();
    close(pair[1]);
    drop_fd(&session->prepared);
    session->control.fd = pair[0];
    if (session->monitor < 0)
        return -1;
    const uint8_t *at = session->frame;
    size_t left = session->frame_size;
    while (left > 0) {
        ssize_t sent = send(pair[0], at, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            break; /* the monitor has said why, or is gone */
        if (sent > 0) {
            at += sent;
            left -= (size_t)sent;
        }
    }
    return 0;
}

/* ---- the caller's terminal and signals --------------------------------------- */

static void send_number(struct session *session, uint32_t type, uint32_t number)
{
    uint8_t payload[4];
    proto_put_u32(payload, number);
    proto_send(&session->control, type, payload, sizeof(payload));
}

static void send_size(struct session *session)
{
    struct winsize size;
    /* A serial line says 0 by 0. */
    if (session->terminal >= 0 && ioctl(session->terminal, TIOCGWINSZ, &size) == 0 &&
        size.ws_row > 0 && size.ws_col > 0)
        send_number(session, TSMAN_MSG_RESIZE, size.ws_row | (uint32_t)size.ws_col << 16);
}

static void enter_raw(struct session *session)
{
    if (!session->raw || session->terminal < 0 || tcgetattr(session->terminal, &session->found) < 0)
        return;
    struct termios raw = session->found;
    cfmakeraw(&raw);
    session->is_raw = tcsetattr(session->terminal, TCSADRAIN, &raw) == 0;
}

static void take_signal(struct session *session, uint32_t number)
{
    if (number == SIGWINCH) {
        send_size(session);
        return;
    }
    /* The program may run, and somebody have heard from it, before we know. */
    if (!session->started && session->ready) {
        session->early |= UINT64_C(1) << number;
        return;
    }
    if (!session->started && (number == SIGINT || number == SIGTERM || number == SIGHUP)) {
        kill(session->monitor, SIGTERM);
        report(session, number == SIGINT    ? "interrupted-SIGINT"
                        : number == SIGTERM ? "interrupted-SIGTERM"
                                            : "interrupted-SIGHUP");
    }
    if (!session->proxies)
        leave(session, 128 + (int)number);
    send_number(session, TSMAN_MSG_SIGNAL, number);
    /* A person may have sent it; else nobody is there to see how it goes on. */
    if (number == SIGHUP && session->terminal >= 0 && !isatty(session->terminal))
        leave(session, 128 + SIGHUP);
}

/* ---- the monitor's messages ---------------------------------------------------- */

static int read_fully(int fd, void *buffer, size_t size)
{
    uint8_t *at = buffer;
    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return -1;
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
    return 0;
}

static void warn(const char *text)
{
    char line[1200];
    size_t used = (size_t)snprintf(line, sizeof(line), "tsman: warning: ");
    bool escapes = isatty(2);
    for (; *text != '\0' && used + 5 < sizeof(line); text++) {
        /* What could paint over a terminal is shown instead (S35). */
        unsigned char byte = (unsigned char)*text;
        if (escapes && ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f))
            used += (size_t)snprintf(line + used, sizeof(line) - used, "\\x%02x", byte);
        else
            line[used++] = *text;
    }
    line[used++] = '\n';
    (void)!write(2, line, used);
}

/* What belongs to other ids the monitor cannot remove, and leaves to a process of
   tsman in the user namespace. */
static void remove_rest(const struct session *session)
{
    struct stat status;
    const struct plan_record *tree = plan_setting(&session->plan, TSMAN_SET_REMOVE_TREE);
    const struct plan_record *cleanup = plan_setting(&session->plan, TSMAN_SET_CLEANUP);
    if (session->kept || tree == NULL || cleanup == NULL || lstat(tree->argv[0], &status) < 0 ||
        !S_ISDIR(status.st_mode))
        return;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        /* The container's streams may be somebody's data. */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execv(cleanup->argv[0], cleanup->argv);
        _exit(125);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void take_frame(struct session *session, uint32_t type, const uint8_t *payload)
{
    switch (type) {
    case TSMAN_MSG_READY:
        session->ready = true;
        if (plan_setting(&session->plan, TSMAN_SET_HOLD) != NULL) {
            enter_raw(session);
            proto_send(&session->control, TSMAN_MSG_START, NULL, 0);
        }
        return;
    case TSMAN_MSG_STARTED:
        session->started = true;
        await_node(session);
        if (session->prints_id) {
            printf("%s\n", session->id);
            leave(session, fflush(stdout) == 0 ? 0 : 125);
        }
        for (uint32_t number = 1; number < 64; number++) {
            if (session->early & UINT64_C(1) << number)
                take_signal(session, number);
        }
        return;
    case TSMAN_MSG_WARNING:
        warn((const char *)payload);
        return;
    case TSMAN_MSG_DETACHED:
        leave(session, 0);
    case TSMAN_MSG_FAILED:
        report(session, session->started ? "lost" : "failed");
    case TSMAN_MSG_KEPT:
        session->kept = true;
        return;
    case TSMAN_MSG_EXITED: {
        int status = (int)proto_u32(payload);
        restore_terminal(session);
        remove_rest(session);
        leave(session, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    default:
        return;
    }
}

static void take_messages(struct session *session)
{
    static uint8_t payload[16384];
    uint8_t header[FRAME_HEADER];
    if (read_fully(session->control.fd, header, sizeof(header)) < 0 ||
        proto_u32(header + 4) >= sizeof(payload) ||
        read_fully(session->control.fd, payload, proto_u32(header + 4)) < 0)
        report(session, session->ready ? "lost" : "failed");
    payload[proto_u32(header + 4)] = '\0';
    take_frame(session, proto_u32(header), payload);
}

int session_main(char **argv)
{
    static struct session session = {.control = {.fd = -1}, .prepared = -1, .terminal = -1};
    if (argv[0] == NULL || argv[1] == NULL || argv[2] == NULL) {
        fprintf(stderr, "tsman-native: usage: session LAUNCH-FILE ID PROGRAM ARGUMENT...\n");
        return 125;
    }
    session.id = argv[1];
    session.again = argv + 2;
    if (read_launch(&session, argv[0]) < 0 || read_options(&session) < 0 ||
        take_signals_over(&session) < 0 || start_monitor(&session) < 0)
        report(&session, "failed");
    for (;;) {
        struct pollfd fds[2] = {{.fd = session.signals, .events = POLLIN},
                                {.fd = session.control.fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            report(&session, session.ready ? "lost" : "failed");
        /* All that the monitor has said before a signal is to be judged. */
        while (fds[1].revents != 0) {
            take_messages(&session);
            fds[1].revents = 0;
            if (poll(&fds[1], 1, 0) < 0)
                break;
        }
        while (fds[0].revents != 0 &&
               read(session.signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
            take_signal(&session, info.ssi_signo);
    }
}
