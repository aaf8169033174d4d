#include "oom.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "memory.h"

/* The path after "0::" in /proc/PID/cgroup: that of the one hierarchy of version 2. */
static int read_path(pid_t pid, char path[1024])
{
    char name[64], text[4096];
    snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
    cleanup_close int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    const char *line = text;
    while (line != NULL && strncmp(line, "0::", 3) != 0) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (line == NULL)
        return -1;
    size_t size = strcspn(line + 3, "\n");
    if (size >= 1024)
        return -1;
    memcpy(path, line + 3, size);
    path[size] = '\0';
    return 0;
}

static int open_events(pid_t pid)
{
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char path[1024], name[1100];
    struct statfs filesystem;
    if (read_path(pid, path) < 0)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        if (statfs(roots[i], &filesystem) < 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC)
            continue;
        snprintf(name, sizeof(name), "%s%s/memory.events", roots[i], path);
        return open(name, O_RDONLY | O_CLOEXEC);
    }
    return -1;
}

static int read_count(int events, uint64_t *count)
{
    static const char word[] = "oom_kill ";
    char text[512];
    ssize_t length = events < 0 ? -1 : pread(events, text, sizeof(text) - 1, 0);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, word, sizeof(word) - 1) == 0) {
            *count = strtoull(line + sizeof(word) - 1, NULL, 10);
            return 0;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return -1;
}

void oom_begin(struct oom_counter *counter, pid_t init)
{
    counter->events = open_events(init);
    if (read_count(counter->events, &counter->before) < 0)
        drop_fd(&counter->events);
}

void oom_begin_at(struct oom_counter *counter, int cgroup)
{
    counter->events = openat(cgroup, "memory.events", O_RDONLY | O_CLOEXEC);
    counter->is_own = read_count(counter->events, &counter->before) == 0;
    counter->told = counter->before;
    if (!counter->is_own)
        drop_fd(&counter->events);
}

bool oom_take(struct oom_counter *counter)
{
    uint64_t now;
    if (read_count(counter->events, &now) < 0) {
        drop_fd(&counter->events);
        return false;
    }
    bool is_new = now > counter->told;
    counter->told = now;
    return is_new;
}

enum oom oom_verdict(const struct oom_counter *counter, int killed)
{
    uint64_t after;
    if (counter->is_own && read_count(counter->events, &after) == 0)
        return after > counter->before ? OOM_YES : OOM_NO;
    if (!killed)
        return OOM_NO;
    if (read_count(counter->events, &after) < 0)
        return OOM_UNKNOWN;
    return after > counter->before ? OOM_YES : OOM_NO;
}

void oom_end(struct oom_counter *counter)
{
    drop_fd(&counter->events);
}
