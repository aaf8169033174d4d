#include "joins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "join.h"
#include "memory.h"
#include "namespace.h"
#include "protocol.h"

#define NSFS_MAGIC 0x6e736673

/* A path that leads to something else says so, and is never waited for. */
static int open_namespace(const struct plan_record *record, int flag, struct failure *failure)
{
    struct statfs filesystem;
    const char *path = record->argv[1];
    cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, errno, "open", "%s", path);
    if (fstatfs(fd, &filesystem) < 0 || filesystem.f_type != NSFS_MAGIC) {
        failure_detail(failure, "it is no namespace");
        return fail(failure, EINVAL, "join", "%s", path);
    }
    /* Linux 4.11 */
    int type = ioctl(fd, (int)NS_GET_NSTYPE);
    if (type >= 0 && type != flag) {
        failure_detail(failure, "it is no %s namespace", record->argv[0]);
        return fail(failure, EINVAL, "join", "%s", path);
    }
    return give_fd(&fd);
}

int joins_open(struct joins *joins, const struct plan *plan, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    const struct plan_record *owner = plan_setting(plan, TSMAN_SET_JOIN_OWNER);
    if (owner != NULL && (joins->owner = join_open(owner, failure)) < 0)
        return -1;
    if (plan_setting(plan, TSMAN_SET_JOIN) != NULL &&
        stat("/proc/self/ns/user", &joins->own_user) < 0)
        return fail(failure, errno, "look at", "/proc/self/ns/user");
    while ((record = plan_next(plan, TSMAN_SET_JOIN, &position)) != NULL) {
        int flag = namespace_flag(record->argv[0]);
        if (flag == 0 || joins->count == JOINS_MAX || (joins->flags & flag))
            return fail(failure, EINVAL, "join", "%s", record->argv[0]);
        int fd = open_namespace(record, flag, failure);
        if (fd < 0)
            return -1;
        joins->list[joins->count++] = (struct join){flag, fd, record->argv[1]};
        joins->flags |= flag;
    }
    /* They were opened by number: they count only if it is still that process's. */
    if (owner != NULL && join_has_ended(joins->owner))
        return fail(failure, ESRCH, "join", "process %s", owner->argv[0]);
    return 0;
}

static bool is_own_user_namespace(const struct joins *joins, int fd)
{
    struct stat other;
    return fstat(fd, &other) == 0 && joins->own_user.st_dev == other.st_dev &&
           joins->own_user.st_ino == other.st_ino;
}

static bool is_owned_here(const struct joins *joins, int fd)
{
    cleanup_close int owner = ioctl(fd, (int)NS_GET_USERNS);
    return owner >= 0 && is_own_user_namespace(joins, owner);
}

static int refuse(const struct join *entry, struct failure *failure)
{
    int error = errno;
    if (error == EPERM)
        failure_detail(failure, "it belongs to a user namespace that gives no rights here");
    return fail(failure, error, "join", "%s", entry->path);
}

int joins_early(struct joins *joins, bool makes_user, bool may_pid, struct failure *failure)
{
    if (!makes_user && !(joins->flags & CLONE_NEWUSER))
        return 0;
    for (size_t i = 0; i < joins->count; i++) {
        struct join *entry = &joins->list[i];
        if (entry->flag == CLONE_NEWUSER)
            continue;
        if (entry->flag == CLONE_NEWPID && !makes_user && !is_owned_here(joins, entry->fd))
            continue;
        if (entry->flag == CLONE_NEWPID && !may_pid) {
            failure_detail(failure, "not together with a file system in user space or a shared "
                                    "mount");
            return fail(failure, EINVAL, "join", "%s", entry->path);
        }
        if (setns(entry->fd, entry->flag) == 0)
            drop_fd(&entry->fd);
        /* Later, with the rights of the other user namespace; a new one has none over what is
         * there. */
        else if (errno != EPERM || makes_user)
            return refuse(entry, failure);
    }
    return 0;
}

static int join(struct joins *joins, int flags, struct failure *failure)
{
    for (size_t i = 0; i < joins->count; i++) {
        struct join *entry = &joins->list[i];
        if (!(entry->flag & flags) || entry->fd < 0)
            continue;
        /* setns(2) refuses the user namespace that one is in already. */
        bool skip = entry->flag == CLONE_NEWUSER && is_own_user_namespace(joins, entry->fd);
        if (!skip && setns(entry->fd, entry->flag) < 0)
            return refuse(entry, failure);
        drop_fd(&entry->fd);
    }
    return 0;
}

int joins_user(struct joins *joins, struct failure *failure)
{
    return join(joins, CLONE_NEWUSER, failure);
}

int joins_late(struct joins *joins, struct failure *failure)
{
    return join(joins, ~(CLONE_NEWUSER | CLONE_NEWPID), failure);
}

int joins_pid(struct joins *joins, struct failure *failure)
{
    return join(joins, CLONE_NEWPID, failure);
}

int joins_pid_namespace(const struct joins *joins)
{
    for (size_t i = 0; i < joins->count; i++) {
        if (joins->list[i].flag == CLONE_NEWPID)
            return joins->list[i].fd;
    }
    return -1;
}
