#include "monitor-state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"
#include "passed-fd.h"
#include "protocol.h"

/* Open for both: who waits there sees no end when somebody else closes it. */
static int open_pipe(struct monitor *monitor, const char *name, int flags)
{
    const int directory = monitor->rundir.directory;
    unlinkat(directory, name, 0);
    int fd = mkfifoat(directory, name, 0600) < 0
                 ? -1
                 : openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags);
    return fd < 0 ? fail(&monitor->failure, errno, "make fifo", "run directory: %s", name) : fd;
}

static int open_pipes(struct monitor *monitor)
{
    monitor->start = open_pipe(monitor, "start", 0);
    monitor->started = monitor->start < 0 ? -1 : open_pipe(monitor, "started", O_NONBLOCK);
    return monitor->started < 0 ? -1 : 0;
}

static int connect_console(struct monitor *monitor, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0)
        return fail(&monitor->failure, errno, "open", "console socket %s", path);
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
    /* Of somebody who accepts nobody this would wait for ever. */
    monitor->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (monitor->console < 0 ||
        connect(monitor->console, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail(&monitor->failure, errno, "connect", "console socket %s", path);
    return 0;
}

int monitor_open_ends(struct monitor *monitor)
{
    const struct plan_record *console = plan_setting(&monitor->plan, TSMAN_SET_CONSOLE_SOCKET);
    if (console != NULL && connect_console(monitor, console->argv[0]) < 0)
        return -1;
    return monitor->settings.start_pipes ? open_pipes(monitor) : 0;
}

int monitor_send_console(struct monitor *monitor, int master)
{
    /* What runc sends along: the name of the descriptor. */
    char name[] = "/dev/ptmx";
    struct iovec part = {name, sizeof(name) - 1};
    union passed_fd control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    passed_fd_put(&message, &control, master);
    ssize_t sent;
    do {
        sent = sendmsg(monitor->console, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    int error = errno;
    close(master);
    drop_fd(&monitor->console);
    return sent < 0 ? fail(&monitor->failure, error, "send", "terminal to the console socket") : 0;
}

void monitor_leave(struct monitor *monitor)
{
    monitor->phase = LEFT;
    if (monitor->rundir.directory < 0)
        return;
    unlinkat(monitor->rundir.directory, "control", 0);
    unlinkat(monitor->rundir.directory, "monitor", 0);
}
