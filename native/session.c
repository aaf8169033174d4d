#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "protocol.h"
#include "session-state.h"

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

_Noreturn void session_leave(struct session *session, int status)
{
    session_restore_terminal(session);
    await_node(session);
    _exit(status);
}

/* Becomes the command line of old, which knows how to explain things. */
_Noreturn void session_report(struct session *session, const char *why)
{
    /* An id of the OCI runtime's is a file name: at most NAME_MAX bytes. */
    char text[NAME_MAX + 64];
    sigset_t none;
    session_restore_terminal(session);
    drop_fd(&session->control.fd);
    /* What has failed has been undone when the monitor ends. */
    if (session->monitor > 0 && !session->started)
        waitpid(session->monitor, NULL, 0);
    await_node(session);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* execve(2) keeps the pid: whoever inherits the variable is not meant. */
    snprintf(text, sizeof(text), "%s %d %s", why, (int)getpid(), session->id);
    setenv("TSMAN_SESSION", text, 1);
    lifeline_restore_core();
    execv(session->again[0], session->again);
    fprintf(stderr, "tsman: error: execute %s: %s\n", session->again[0], strerror(errno));
    _exit(125);
}

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
            session_enter_raw(session);
            proto_send(&session->control, TSMAN_MSG_START, NULL, 0);
        }
        return;
    case TSMAN_MSG_STARTED:
        session->started = true;
        await_node(session);
        if (session->prints_id) {
            printf("%s\n", session->id);
            session_leave(session, fflush(stdout) == 0 ? 0 : 125);
        }
        for (uint32_t number = 1; number < 64; number++) {
            if (session->early & UINT64_C(1) << number)
                session_take_signal(session, number);
        }
        return;
    case TSMAN_MSG_WARNING:
        warn((const char *)payload);
        return;
    case TSMAN_MSG_DETACHED:
        session_leave(session, 0);
    case TSMAN_MSG_FAILED:
        session_report(session, session->started ? "lost" : "failed");
    case TSMAN_MSG_KEPT:
        session->kept = true;
        return;
    case TSMAN_MSG_EXITED: {
        int status = (int)proto_u32(payload);
        session_restore_terminal(session);
        remove_rest(session);
        session_leave(session, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
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
        session_report(session, session->ready ? "lost" : "failed");
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
    if (session_read_launch(&session, argv[0]) < 0 || session_read_options(&session) < 0 ||
        session_take_signals_over(&session) < 0 || session_start_monitor(&session) < 0)
        session_report(&session, "failed");
    for (;;) {
        struct pollfd fds[2] = {{.fd = session.signals, .events = POLLIN},
                                {.fd = session.control.fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            session_report(&session, session.ready ? "lost" : "failed");
        /* All that the monitor has said before a signal is to be judged. */
        while (fds[1].revents != 0) {
            take_messages(&session);
            fds[1].revents = 0;
            if (poll(&fds[1], 1, 0) < 0)
                break;
        }
        while (fds[0].revents != 0 &&
               read(session.signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
            session_take_signal(&session, info.ssi_signo);
    }
}
