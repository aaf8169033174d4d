#include "shared-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "path.h"
#include "protocol.h"
#include "slots.h"
#include "sync.h"

static int refuse(const struct plan_record *record, int error, const char *why,
                  struct failure *failure)
{
    failure_detail(failure, "%s", why);
    return fail(failure, error, "share mount", "%s", record->argv[1]);
}

/* In the other's mount namespace. */
static int copy_mount(const struct plan_record *record, struct failure *failure)
{
    struct statfs filesystem;
    /* setns(2) has made the root of that namespace ours. */
    cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int found = path_open(root, record->argv[1], PATH_NO_SYMLINKS);
    if (found < 0)
        return fail(failure, errno, "share mount", "%s", record->argv[1]);
    int is_mount = kernel_is_mount_root(found);
    if (is_mount < 0)
        return fail(failure, errno, "share mount", "%s", record->argv[1]);
    if (is_mount == 0)
        return refuse(record, EINVAL, "nothing is mounted there any more", failure);
    if (fstatfs(found, &filesystem) < 0)
        return fail(failure, errno, "share mount", "%s", record->argv[1]);
    if (strcmp(record->argv[2], "tmpfs") != 0 || filesystem.f_type != TMPFS_MAGIC)
        return refuse(record, EINVAL, "another file system is mounted there", failure);
    /* Without what the other may have mounted below. */
    cleanup_close int mount = kernel_open_tree(found, "", K_OPEN_TREE_CLONE);
    if (mount < 0)
        return fail(failure, errno, "share mount", "%s", record->argv[1]);
    /* The files are shared, not what the other may come to mount among them. */
    const struct kernel_mount_attr alone = {.propagation = MS_PRIVATE};
    if (kernel_mount_setattr(mount, 0, &alone) < 0 && errno != ENOSYS)
        return fail(failure, errno, "share mount", "%s", record->argv[1]);
    return give_fd(&mount);
}

_Noreturn static void copy_for_parent(const struct plan_record *record, int owner, int answer,
                                      pid_t parent, struct failure *failure)
{
    /* Among the other's processes, as far as it can see us. */
    prctl(PR_SET_DUMPABLE, 0);
    lifeline_tie(parent);
    int mount = -1;
    if (setns(owner, CLONE_NEWNS) < 0)
        fail(failure, errno, "join", "mount namespace of the container");
    else
        mount = copy_mount(record, failure);
    if (mount < 0)
        sync_send_failure(answer, failure);
    else
        sync_send(answer, SYNC_OPENED, 0, mount);
    _exit(0);
}

static int open_mount(const struct plan_record *record, int owner, struct failure *failure)
{
    struct sync_message message;
    int sockets[2], mount;
    if (sync_pair(sockets) < 0)
        return fail(failure, errno, "make socket pair", "shared mount");
    cleanup_close int own = sockets[0];
    cleanup_close int others = sockets[1];
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return fail(failure, errno, "fork", "shared mount");
    if (pid == 0)
        copy_for_parent(record, owner, others, parent, failure);
    close(give_fd(&others));
    int got = sync_receive(own, &message, &mount, 0);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got > 0 && message.type == SYNC_FAILED)
        *failure = message.failure;
    else if (got > 0 && mount >= 0)
        slots_set_mount(record, mount);
    else
        fail(failure, ECHILD, "share mount", "%s", record->argv[1]);
    return failure->set ? -1 : 0;
}

int shared_mounts_open(const struct plan *plan, int owner, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_OPEN_MOUNT, &position)) != NULL) {
        if (open_mount(record, owner, failure) < 0)
            return -1;
    }
    return 0;
}
