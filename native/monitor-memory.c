#include "monitor-state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

/* A program that is killed again and again says so once in so many milliseconds. */
#define SELDOM 1000

/* "67108864", or "" without a limit. */
static void read_limit(int cgroup, char text[32])
{
    cleanup_close int fd = openat(cgroup, "memory.max", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, 31);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "max") == 0)
        text[0] = '\0';
}

void monitor_take_oom(struct monitor *monitor)
{
    int64_t now = monitor_now();
    if (!oom_take(&monitor->oom) || (monitor->oom_told != 0 && now - monitor->oom_told < SELDOM))
        return;
    char limit[32], text[160];
    read_limit(monitor->cgroup.directory, limit);
    snprintf(text, sizeof(text),
             "the kernel has killed a process of the container: out of memory%s%s%s",
             limit[0] ? " (its limit is " : "", limit, limit[0] ? " bytes)" : "");
    if (monitor->oom_told == 0)
        proto_send_warning(&monitor->control, text);
    monitor->oom_told = now;
    event_write(&monitor->settings.events, "oom", "");
}
