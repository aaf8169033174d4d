#include "process-stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

/* include/linux/sched.h */
#define EXITING    0x4u
#define FORKNOEXEC 0x40u

/* A number from field 3 on; -1: there is no such process. */
static int read_field(pid_t pid, int wanted, uint64_t *value)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    /* The name, field 2, is in parentheses and may hold anything. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < wanted; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return -1;
    *value = strtoull(at + 1, NULL, 10);
    return 0;
}

uint64_t process_start_time(pid_t pid)
{
    uint64_t time;
    return read_field(pid, 22, &time) < 0 ? 0 : time;
}

bool process_is_ending(pid_t pid)
{
    uint64_t flags;
    return read_field(pid, 9, &flags) == 0 && (flags & EXITING);
}

bool process_never_executed(pid_t pid)
{
    uint64_t flags;
    return read_field(pid, 9, &flags) == 0 && (flags & EXITING) && (flags & FORKNOEXEC);
}
