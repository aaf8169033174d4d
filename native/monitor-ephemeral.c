#include "monitor-state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "memory.h"
#include "protocol.h"

/* What the caller has started is there for it, though it is over: it may read the log,
   copy files, start it again.  False when somebody wants this process to end. */
static bool wait_for_caller(struct monitor *monitor)
{
    struct proto_frame frame;
    while (monitor->control.fd >= 0) {
        struct pollfd fds[] = {{.fd = monitor->control.fd, .events = POLLIN},
                               {.fd = monitor->signals, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return false;
        struct signalfd_siginfo info;
        while (fds[1].revents && read(monitor->signals, &info, sizeof(info)) > 0) {
            if (info.ssi_signo == SIGTERM)
                return false;
        }
        /* There is nothing to be told any more: only the end of file counts. */
        while (proto_next(&monitor->control, &frame) > 0)
            ;
    }
    return true;
}

static void release_rundir(struct rundir *rundir)
{
    drop_fd(&rundir->control);
    drop_fd(&rundir->lock);
    drop_fd(&rundir->directory);
}

enum aftermath monitor_end_ephemeral(struct monitor *monitor)
{
    const struct settings *settings = &monitor->settings;
    if (monitor->control.fd >= 0) {
        /* Others may start, remove or commit it meanwhile. */
        release_rundir(&monitor->rundir);
        if (!wait_for_caller(monitor) || access(settings->remove_tree, F_OK) < 0)
            return NOTHING_LEFT;
        struct failure busy = {0};
        if (rundir_open(&monitor->rundir, settings->run_dir, &busy) < 0)
            return CLEANUP_LEFT;
    }
    return monitor_remove_container(monitor) ? NOTHING_LEFT : CLEANUP_LEFT;
}
