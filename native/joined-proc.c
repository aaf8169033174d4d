#include "joined-proc.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "mounting.h"
#include "protocol.h"
#include "sync.h"

static int joined = -1;

static const struct plan_record *find_step(const struct plan *plan)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (step->op == TSMAN_OP_MOUNT && strcmp(step->argv[0], "proc") == 0)
            return step;
    }
    return NULL;
}

/* Others of the namespace may see us: nothing of the host is open here but these two. */
static void close_others(int one, int other)
{
    const unsigned low = (unsigned)(one < other ? one : other);
    const unsigned high = (unsigned)(one < other ? other : one);
    /* What lies between may be nothing (EINVAL). */
    kernel_close_range(3, low - 1, 0);
    kernel_close_range(low + 1, high - 1, 0);
    kernel_close_range(high + 1, ~0u, 0);
}

/* In the namespace: the mount is of the processes that its maker sees. */
_Noreturn static void mount_inside(const struct plan_record *step, int answer)
{
    static struct failure ignored;
    /* Its parent, which is in another namespace, is 0 here. */
    lifeline_tie(0);
    int context = kernel_fsopen("proc"), mount = -1;
    if (context >= 0 && mounting_configure(context, step->argv[4], &ignored) == 0 &&
        kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = kernel_fsmount(context, 0);
    if (mount >= 0)
        sync_send(answer, SYNC_OPENED, 0, mount);
    _exit(0);
}

_Noreturn static void enter(const struct plan_record *step, int namespace, int answer, pid_t parent)
{
    lifeline_tie(parent);
    close_others(namespace, answer);
    /* A mount takes rights in the mount namespace too, which may be an ancestor's. */
    if (setns(namespace, CLONE_NEWPID) < 0 || unshare(CLONE_NEWNS) < 0)
        _exit(0);
    pid_t pid = fork();
    if (pid == 0)
        mount_inside(step, answer);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    _exit(0);
}

static int receive(int socket)
{
    struct sync_message message;
    struct statfs filesystem;
    int mount;
    if (sync_receive(socket, &message, &mount, 0) <= 0)
        return -1;
    /* Whoever may trace in there may have sent something else. */
    if (mount >= 0 && (fstatfs(mount, &filesystem) < 0 || filesystem.f_type != PROC_SUPER_MAGIC))
        drop_fd(&mount);
    return mount;
}

void joined_proc_open(const struct plan *plan, const struct joins *joins)
{
    const struct plan_record *step = find_step(plan);
    const struct join *entry = joins->list, *end = joins->list + joins->count;
    int sockets[2];
    while (entry < end && entry->flag != CLONE_NEWPID)
        entry++;
    if (step == NULL || entry == end || sync_pair(sockets) < 0)
        return;
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        enter(step, entry->fd, sockets[1], parent);
    close(sockets[1]);
    if (pid > 0)
        joined = receive(sockets[0]);
    close(sockets[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int joined_proc_take(void)
{
    int mount = joined;
    joined = -1;
    return mount;
}
