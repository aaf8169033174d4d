#include "monitor-state.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* What is typed or said to a container that is not there concerns nobody; all that
   counts is whether it is asked to stop.  Its ports and its root are free. */
bool monitor_wait_restart(struct monitor *monitor)
{
    const struct settings *settings = &monitor->settings;
    int64_t now = monitor_now();
    bool lived_long = now - monitor->started_at >= settings->long_life;
    int64_t until = now + (lived_long ? settings->restart_delay_long : settings->restart_delay);
    /* A caller in the foreground has heard of the end and goes. */
    monitor_leave_caller(monitor);
    monitor->waits = true;
    for (; !monitor->stop_asked && now < until; now = monitor_now()) {
        struct pollfd fds[] = {{.fd = monitor->signals, .events = POLLIN},
                               {.fd = monitor->rundir.control, .events = POLLIN}};
        if (poll(fds, 2, (int)(until - now)) < 0 && errno != EINTR)
            break;
        if (fds[0].revents && monitor_take_signals(monitor) < 0)
            return false;
        if (fds[1].revents)
            monitor_take_control_lines(monitor);
    }
    return !monitor->stop_asked;
}
