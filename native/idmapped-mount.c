#include "idmapped-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "map.h"
#include "memory.h"
#include "protocol.h"
#include "slots.h"

static struct map_request request;

static int read_maps(const struct plan_record *record, struct failure *failure)
{
    uint64_t uids = plan_number(record, 3);
    memset(&request, 0, sizeof(request));
    for (unsigned i = 4; i + 2 < record->argc; i += 3) {
        bool is_uid = (i - 4) / 3 < uids;
        char **triple = record->argv + i;
        if (map_add(is_uid ? request.uid : request.gid,
                    is_uid ? &request.uid_length : &request.gid_length, triple[0], triple[1],
                    triple[2]) < 0)
            return fail(failure, E2BIG, "map ids of mount", "%s: too many ranges", record->argv[1]);
    }
    return 0;
}

/* Keeps a user namespace alive until it is told to end. */
_Noreturn static void hold_namespace(int ready, int end, pid_t parent)
{
    char byte = 0;
    lifeline_tie(parent);
    byte = unshare(CLONE_NEWUSER) == 0 ? 0 : (char)errno;
    (void)!write(ready, &byte, 1);
    (void)!read(end, &byte, 1);
    _exit(0);
}

static int map_namespace(pid_t pid, int ready, struct failure *failure)
{
    char byte = 0, path[48];
    if (read(ready, &byte, 1) != 1 || byte != 0)
        return fail(failure, byte != 0 ? byte : ECHILD, "unshare", "user, for a mount");
    if (map_apply(pid, &request, failure) < 0) {
        /* Not the container's map. */
        failure->stage[0] = '\0';
        return -1;
    }
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fail(failure, errno, "open", "%s", path) : fd;
}

static int make_namespace(struct failure *failure)
{
    int ready[2], end[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return fail(failure, errno, "make pipe", "user namespace of a mount");
    cleanup_close int ready_read = ready[0];
    cleanup_close int ready_write = ready[1];
    if (pipe2(end, O_CLOEXEC) < 0)
        return fail(failure, errno, "make pipe", "user namespace of a mount");
    cleanup_close int end_read = end[0];
    cleanup_close int end_write = end[1];
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return fail(failure, errno, "fork", "user namespace of a mount");
    if (pid == 0) {
        close(give_fd(&end_write));
        hold_namespace(ready_write, end_read, parent);
    }
    close(give_fd(&ready_write));
    int fd = map_namespace(pid, ready_read, failure);
    close(give_fd(&end_write));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return fd;
}

static int refuse(const struct plan_record *record, const char *what, struct failure *failure)
{
    int error = errno;
    if (error == EPERM)
        failure_detail(failure, "it takes CAP_SYS_ADMIN in the user namespace in which the file "
                                "system was mounted");
    if (error == EINVAL)
        failure_detail(failure, "the file system, or one below it, does not support it");
    if (error == ENOSYS)
        failure_detail(failure, "it takes Linux 5.12");
    return fail(failure, error, what, "%s", record->argv[1]);
}

static int open_mapped(const struct plan_record *record, struct failure *failure)
{
    bool recursive = record->argv[2][0] != '\0';
    if (read_maps(record, failure) < 0)
        return -1;
    cleanup_close int mount = kernel_open_tree(
        AT_FDCWD, record->argv[1], K_OPEN_TREE_CLONE | (recursive ? K_AT_RECURSIVE : 0));
    if (mount < 0)
        return refuse(record, "map ids of mount", failure);
    cleanup_close int namespace = make_namespace(failure);
    if (namespace < 0)
        return -1;
    struct kernel_mount_attr attr = {.set = K_ATTR_IDMAP, .userns = (uint64_t) namespace};
    if (kernel_mount_setattr(mount, recursive ? K_AT_RECURSIVE : 0, &attr) < 0)
        return refuse(record, "map ids of mount", failure);
    /* It is a copy in the host's mount namespace, a peer of what it was copied from: what the
       container mounts there would be the host's too (mount_namespaces(7)). */
    const struct kernel_mount_attr slave = {.propagation = MS_SLAVE};
    if (kernel_mount_setattr(mount, K_AT_RECURSIVE, &slave) < 0)
        return refuse(record, "set propagation of mount", failure);
    slots_set_mount(record, give_fd(&mount));
    return 0;
}

int idmapped_mounts_open(const struct plan *plan, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_OPEN_IDMAPPED, &position)) != NULL) {
        if (open_mapped(record, failure) < 0)
            return -1;
    }
    return 0;
}
