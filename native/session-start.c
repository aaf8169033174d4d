#include "session-state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "monitor.h"
#include "protocol.h"

int session_read_launch(struct session *session, const char *path)
{
    static struct failure failure;
    struct stat status;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    unlink(path);
    session->frame_size = (size_t)status.st_size;
    if (session->frame_size <= FRAME_HEADER ||
        session->frame_size > TSMAN_MAX_LAUNCH_BYTES + FRAME_HEADER)
        return -1;
    session->frame = mmap(NULL, session->frame_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (session->frame == MAP_FAILED ||
        proto_u32(session->frame + 4) != session->frame_size - FRAME_HEADER)
        return -1;
    return plan_parse(&session->plan, session->frame + FRAME_HEADER,
                      session->frame_size - FRAME_HEADER, &failure);
}

int session_read_options(struct session *session)
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

int session_start_monitor(struct session *session)
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
