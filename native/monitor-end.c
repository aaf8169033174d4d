#include "monitor-state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "number.h"
#include "protocol.h"
#include "rmtree.h"
#include "sync.h"

static bool aside_path(const struct monitor *monitor, char path[1032])
{
    const char *file = monitor->settings.exit_file;
    return file[0] != '\0' && snprintf(path, 1032, "%s.old", file) < 1032;
}

void monitor_set_exit_aside(struct monitor *monitor)
{
    char path[1032];
    monitor->exit_aside =
        aside_path(monitor, path) && rename(monitor->settings.exit_file, path) == 0;
}

/* Where it goes when the store has no room for it: volatile, but mostly another disk. */
static bool spare_path(const struct monitor *monitor, char path[1032])
{
    const char *directory = monitor->settings.run_dir;
    return !monitor->settings.is_exec && directory[0] != '\0' &&
           snprintf(path, 1032, "%s/exit", directory) < 1032;
}

void monitor_forget_exit(struct monitor *monitor)
{
    char path[1032];
    if (spare_path(monitor, path))
        unlink(path);
    if (monitor->exit_aside && aside_path(monitor, path))
        unlink(path);
    monitor->exit_aside = false;
}

static void restore_exit(const struct monitor *monitor)
{
    char path[1032];
    if (monitor->exit_aside && aside_path(monitor, path))
        (void)!rename(path, monitor->settings.exit_file);
}

/* After the exit file: whoever hears of the event finds out how it ended.  One of the
   two is prepared, as this is a container's monitor or that of an exec session. */
static void tell_end(struct monitor *monitor)
{
    char code[16];
    int status = monitor->init_status;
    snprintf(code, sizeof(code), "%d",
             WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    if (event_write(&monitor->settings.events, "died", code) < 0 ||
        event_write(&monitor->settings.events, "exec_died", code) < 0) {
        char text[128];
        snprintf(text, sizeof(text), "write event: %s", strerror(errno));
        proto_send_warning(&monitor->control, text);
    }
}

/* A health check has its way unless somebody wants the container stopped. */
static bool wants_restart(const struct monitor *monitor)
{
    return monitor->restart_wanted && !monitor->stop_asked;
}

static enum oom oom_of(const struct monitor *monitor)
{
    int status = monitor->init_status;
    return oom_verdict(&monitor->oom,
                       WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !monitor->killed);
}

static int write_exit_to(const struct monitor *monitor, const char *path)
{
    return rundir_write_exit_file(path, monitor->init_status, oom_of(monitor),
                                  wants_restart(monitor));
}

static void write_exit_file(struct monitor *monitor)
{
    const char *file = monitor->settings.exit_file;
    char text[256], spare[1032];
    if (file[0] == '\0' || write_exit_to(monitor, file) == 0)
        return;
    int error = errno;
    if (spare_path(monitor, spare) && write_exit_to(monitor, spare) == 0)
        return;
    snprintf(text, sizeof(text), "write exit file %.150s: %s", file, strerror(error));
    proto_send_warning(&monitor->control, text);
}

void monitor_write_exit(struct monitor *monitor)
{
    if (monitor->exit_written)
        return;
    monitor->exit_written = true;
    log_close(&monitor->io.log);
    write_exit_file(monitor);
    tell_end(monitor);
}

/* The children's ids as text, up to a kilobyte of them. */
static void read_children(char text[1024])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, 1023);
    /* Not the first digits of an id that did not fit: they are another process's. */
    while (length > 0 && text[length - 1] != ' ')
        length--;
    text[length > 0 ? length : 0] = '\0';
}

/* Whether nobody but the network helper, which net_stop() has killed, is left. */
static bool only_helper_left(const struct net *net)
{
    char text[1024], helper[16];
    if (net->helper.pid <= 0)
        return false;
    read_children(text);
    snprintf(helper, sizeof(helper), "%d ", (int)net->helper.pid);
    return strcmp(text, helper) == 0;
}

/* Waits for all children except a helper that is about to end, at most `milliseconds`; true when
   there are none. */
static bool reap_children(struct net *net, int64_t milliseconds)
{
    int64_t until = monitor_now() + milliseconds;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0 && pid == net->helper.pid)
            net->helper.pid = 0;
        if (pid > 0)
            continue;
        if ((pid < 0 && errno != EINTR) || only_helper_left(net))
            return true;
        int64_t left = until - monitor_now();
        if (left <= 0)
            return false;
        struct timespec wait = {left / 1000, (left % 1000) * 1000000};
        sigtimedwait(&child, NULL, &wait);
    }
}

/* Those that are ours since their parents ended (PR_SET_CHILD_SUBREAPER): a
   fuse-overlayfs, or an init that stage 1 has not named yet. */
static void signal_children(int number)
{
    char text[1024], *rest = NULL;
    read_children(text);
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        uint64_t pid;
        if (number_parse(word, 10, INT32_MAX, &pid))
            kill((pid_t)pid, number);
    }
}

/* Kills every child and waits; nothing is left of the container but, perhaps, a network helper that
   is ending. */
static void reap_all(struct monitor *monitor)
{
    if (monitor->stage1 > 0)
        kill(monitor->stage1, SIGKILL);
    if (monitor->init > 0)
        kill(monitor->init, SIGKILL);
    /* An exec session ends by itself; the group is the container's. */
    if (!monitor->settings.is_exec)
        cgroup_kill(&monitor->cgroup);
    health_end(&monitor->health);
    net_stop(&monitor->net);
    drop_fd(&monitor->stage_sync);
    drop_fd(&monitor->init_sync);
    drop_fd(&monitor->orders);
    if (reap_children(&monitor->net, 0))
        return;
    /* A file system in user space lives in the mount namespace that it serves, so
       neither would ever end by itself; asked to end, it unmounts in order. */
    signal_children(SIGTERM);
    if (reap_children(&monitor->net, 1000))
        return;
    /* With the host's pid namespace the container's processes outlive their init: each
       that is killed hands its own children to us (PR_SET_CHILD_SUBREAPER), so again
       and again. */
    int64_t until = monitor_now() + 5000;
    do
        signal_children(SIGKILL);
    while (!reap_children(&monitor->net, 20) && monitor_now() < until);
}

/* Of a container the directory stays, with the lock that others may wait for. */
static void clear_rundir(struct monitor *monitor, int all)
{
    bool is_exec = monitor->settings.is_exec;
    rundir_clear(&monitor->rundir, all || is_exec);
    if (is_exec && monitor->settings.run_dir[0] != '\0')
        rmdir(monitor->settings.run_dir);
}

static void execute_cleanup(const struct monitor *monitor)
{
    if (monitor->settings.cleanup == NULL)
        return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    lifeline_restore_core();
    execv(monitor->settings.cleanup[0], monitor->settings.cleanup);
}

#define LAST_WAIT 2000 /* milliseconds */

/* The caller is about to say something, or does so just now: waits for that, or until it is gone or
   wants the end.  An engine that cannot write to a socket forgets what it has not read of it. */
static void await_caller(struct monitor *monitor)
{
    struct pollfd wait[] = {{.fd = monitor->control.fd, .events = POLLIN},
                            {.fd = monitor->signals, .events = POLLIN}};
    const int64_t end = monitor_now() + LAST_WAIT;
    for (int64_t left = LAST_WAIT; wait[0].fd >= 0 && left > 0; left = end - monitor_now()) {
        struct signalfd_siginfo info;
        int ready = poll(wait, 2, (int)left);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return;
        if (wait[0].revents != 0) {
            /* Unread, it would make the caller's next look an error (unix(7)). */
            recv(wait[0].fd, monitor->control.buffer, sizeof(monitor->control.buffer),
                 MSG_DONTWAIT);
            return;
        }
        /* There are also those of children. */
        if (read(monitor->signals, &info, sizeof(info)) != (ssize_t)sizeof(info) ||
            info.ssi_signo == SIGTERM)
            return;
    }
}

int monitor_give_up(struct monitor *monitor)
{
    failure_stage(&monitor->failure, "monitor");
    const char *stage = monitor->failure.stage;
    if (strcmp(stage, "init") != 0 && strcmp(stage, "exec") != 0 && strcmp(stage, "hook") != 0)
        monitor->failure.step = -1;
    reap_all(monitor);
    net_reap(&monitor->net);
    const struct plan_record *pid_file = plan_setting(&monitor->plan, TSMAN_SET_PID_FILE);
    if (pid_file != NULL && monitor->init_pid > 0)
        unlink(pid_file->argv[0]);
    if (!monitor->settings.is_exec)
        cgroup_remove(&monitor->cgroup);
    restore_exit(monitor);
    /* Whoever has started it is not connected. */
    if (monitor->settings.stay[0] != '\0' && monitor->phase >= STARTING)
        rundir_write_failed(&monitor->rundir, &monitor->failure);
    clear_rundir(monitor, 1);
    proto_send_failed(&monitor->control, &monitor->failure);
    if (monitor->phase == HOLDING || monitor->caller_asked)
        await_caller(monitor);
    /* Its caller was killed while it started it: nobody else takes the record back. */
    if (monitor->settings.ephemeral && monitor->control.fd < 0)
        execute_cleanup(monitor);
    return 1;
}

/* With a session of C, or when the caller was killed, nobody is left who could delete the
   container's record: the mark tells the next command to. */
bool monitor_remove_container(struct monitor *monitor)
{
    const struct settings *settings = &monitor->settings;
    if (!rmtree_quietly(settings->remove_tree) || settings->removed_mark[0] == '\0')
        return false;
    cleanup_close int mark =
        open(settings->removed_mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (mark < 0)
        return false;
    event_write(&settings->events, "remove", "");
    clear_rundir(monitor, 1);
    /* There may be the network helper's socket, and what exec sessions are about to
       remove as well. */
    if (settings->run_dir[0] != '\0')
        rmtree_quietly(settings->run_dir);
    return true;
}

void monitor_finish(struct monitor *monitor)
{
    /* Before EXITED: when the caller hears of the end, the ports are free. */
    reap_all(monitor);
    monitor_write_exit(monitor);
    if (!monitor->settings.is_exec)
        cgroup_remove(&monitor->cgroup);
    bool waits = monitor->settings.restarts && !monitor->stop_asked;
    if (waits)
        rundir_begin_restart(&monitor->rundir);
    else
        clear_rundir(monitor, 0);
    bool connected = monitor->control.fd >= 0;
    bool ephemeral = monitor->settings.ephemeral && !monitor->settings.is_exec;
    if (monitor->kept)
        proto_send(&monitor->control, TSMAN_MSG_KEPT, NULL, 0);
    else if (connected && monitor->settings.foreground && !ephemeral &&
             monitor->settings.remove_tree[0] != '\0')
        monitor_remove_container(monitor);
    proto_send_exited(&monitor->control, monitor->init_status);
    attach_finish(&monitor->io.attach, monitor->init_status);
    net_reap(&monitor->net);
    if (ephemeral) {
        if (monitor_end_ephemeral(monitor) == CLEANUP_LEFT)
            execute_cleanup(monitor);
        return;
    }
    /* The caller of a detached container leaves as soon as it has started: it may be
       gone before it reads EXITED, so it is never the one who cleans up. */
    bool wanted = waits ? monitor_wait_restart(monitor)
                        : wants_restart(monitor) || (!monitor->settings.restarts &&
                                                     (!connected || !monitor->settings.foreground));
    if (wanted && !monitor->kept) {
        /* The command that this process becomes starts it again: `monitor` still names it. */
        if (waits)
            rundir_leave_restart(&monitor->rundir);
        execute_cleanup(monitor);
    }
    if (waits)
        clear_rundir(monitor, 0);
}
