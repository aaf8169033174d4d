#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "spawn.h"

#define MAX_WORDS (340 * 3 + 3) /* the kernel takes at most 340 lines */

int map_add(char *text, size_t *length, const char *inside, const char *outside, const char *count)
{
    int added =
        snprintf(text + *length, MAP_MAX_TEXT - *length, "%s %s %s\n", inside, outside, count);
    if (added < 0 || (size_t)added >= MAP_MAX_TEXT - *length) {
        errno = EINVAL;
        return -1;
    }
    *length += (size_t)added;
    return 0;
}

static int write_proc(pid_t target, const char *name, const char *text, size_t length,
                      struct failure *failure)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)target, name);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, errno, "open", "%s", path);
    /* One write(2): the kernel refuses a second one. */
    if (write(fd, text, length) != (ssize_t)length) {
        fail(failure, errno, "write", "%s", path);
        failure_detail(failure, "%.*s", (int)length, text);
        return -1;
    }
    return 0;
}

/* Splits the text in place: a copy belongs to the caller. */
static void start_tool(struct spawn *spawn, const char *tool, pid_t target, char *text,
                       struct failure *failure)
{
    char *argv[MAX_WORDS];
    char pid[16];
    size_t words = 0;
    snprintf(pid, sizeof(pid), "%d", (int)target);
    argv[words++] = (char *)(uintptr_t)tool;
    argv[words++] = pid;
    char *rest = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word != NULL && words < MAX_WORDS - 1;
         word = strtok_r(NULL, " \n", &rest))
        argv[words++] = word;
    argv[words] = NULL;
    if (spawn_start(spawn, argv, NULL, NULL, 0) < 0)
        fail(failure, errno, "execute", "%s", tool);
}

static void finish_tool(struct spawn *spawn, const char *tool, struct failure *failure)
{
    if (spawn->pid <= 0)
        return;
    int status = spawn_wait(spawn);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (spawn->exec_error != 0) {
        fail(failure, spawn->exec_error, "execute", "%s", tool);
    } else if (!failure->set) {
        fail(failure, EPERM, "run", "%s", tool);
        if (spawn->length > 0)
            failure_detail(failure, "%s", spawn->text);
        else
            failure_detail(failure, "wait status %d", status);
    }
}

static int apply(pid_t target, const struct map_request *request, struct failure *failure)
{
    /* Before gid_map: an unprivileged gid_map is refused otherwise, and a process
       could drop a group that denies it something (CVE-2014-8989). */
    if (request->deny_setgroups && write_proc(target, "setgroups", "deny", 4, failure) < 0)
        return -1;
    if (request->newuidmap == NULL) {
        if (write_proc(target, "uid_map", request->uid, request->uid_length, failure) < 0)
            return -1;
        return write_proc(target, "gid_map", request->gid, request->gid_length, failure);
    }

    char uid[MAP_MAX_TEXT], gid[MAP_MAX_TEXT];
    memcpy(uid, request->uid, request->uid_length + 1);
    memcpy(gid, request->gid, request->gid_length + 1);
    struct spawn uid_tool = {.errors = -1, .report = -1}, gid_tool = {.errors = -1, .report = -1};
    start_tool(&uid_tool, request->newuidmap, target, uid, failure);
    start_tool(&gid_tool, request->newgidmap, target, gid, failure);
    finish_tool(&uid_tool, request->newuidmap, failure);
    finish_tool(&gid_tool, request->newgidmap, failure);
    return failure->set ? -1 : 0;
}

int map_apply(pid_t target, const struct map_request *request, struct failure *failure)
{
    int result = apply(target, request, failure);
    if (result < 0)
        failure_stage(failure, "map");
    return result;
}
