#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "namespace.h"

/* PF_FORKNOEXEC of include/linux/sched.h: forked, and has not executed anything. */
#define FORKED_ONLY 0x40ul

struct identity {
    uint64_t start_time;
    bool has_executed;
};

/* Fields 9 and 22 of proc_pid_stat(5). */
static int read_identity(pid_t pid, struct identity *identity)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0) {
        errno = ESRCH;
        return -1;
    }
    text[length] = '\0';
    /* The name, field 2, is in parentheses and may hold anything. */
    const char *at = strrchr(text, ')'), *flags = NULL;
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
        if (field + 1 == 9)
            flags = at;
    }
    if (at == NULL || flags == NULL) {
        errno = EPROTO;
        return -1;
    }
    identity->start_time = strtoull(at + 1, NULL, 10);
    identity->has_executed = (strtoul(flags + 1, NULL, 10) & FORKED_ONLY) == 0;
    return 0;
}

bool join_has_ended(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    return poll(&ended, 1, 0) > 0;
}

int join_open(const struct plan_record *record, struct failure *failure)
{
    pid_t pid = (pid_t)plan_number(record, 0);
    struct identity identity;
    cleanup_close int pidfd = kernel_pidfd_open(pid);
    if (pidfd < 0)
        return fail(failure, errno == EINVAL ? ESRCH : errno, "join", "process %s",
                    record->argv[0]);
    /* In this order: while it has not ended, what /proc says is about it. */
    if (read_identity(pid, &identity) < 0)
        return fail(failure, errno, "join", "process %s", record->argv[0]);
    if (identity.start_time != plan_number(record, 1) || join_has_ended(pidfd))
        return fail(failure, ESRCH, "join", "process %s", record->argv[0]);
    /* Until then it is ours, and the root of its mount namespace may still be the
       host's. */
    if (!identity.has_executed)
        return fail(failure, EAGAIN, "join", "process %s: it is being set up", record->argv[0]);
    return give_fd(&pidfd);
}

int join_enter(int pidfd, const struct plan_record *record, bool any, struct failure *failure)
{
    /* What is shared with us (--network host) is not ours to join: that takes rights in
       the user namespace that owns it. */
    int flags = namespace_flags_that_differ(record->argv[0], NAMESPACE_ALL, failure);
    if (flags < 0)
        return -1;
    /* Then it is no container's: what is executed would have rights that none has. */
    if (!(flags & CLONE_NEWUSER) && !any)
        return fail(failure, EPERM, "join", "process %s: it has no user namespace of its own",
                    record->argv[0]);
    /* The pid was looked at by number: it counts only if the process is still that one. */
    if (join_has_ended(pidfd))
        return fail(failure, ESRCH, "join", "process %s", record->argv[0]);
    /* From the moment of joining, root of that user namespace could trace us
       (CVE-2016-9962). */
    prctl(PR_SET_DUMPABLE, 0);
    /* All at once, in the kernel's order: with the rights that the user namespace
       gives, which is joined first (Linux 5.8). */
    if (flags != 0 && setns(pidfd, flags) < 0)
        return fail(failure, errno, "join", "namespaces of process %s", record->argv[0]);
    return 0;
}
