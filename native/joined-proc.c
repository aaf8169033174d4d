#include "joined-proc.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
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

/* Its processes never see this one: whoever may trace there would get our rights. */
static int make(const struct plan_record *step, int namespace)
{
    struct failure ignored = {0};
    cleanup_close int context = kernel_fsopen("proc");
    if (context < 0 ||
        (step->argv[1][0] != '\0' &&
         kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "source", step->argv[1], 0) < 0) ||
        mounting_configure(context, step->argv[4], &ignored) < 0 ||
        kernel_fsconfig(context, K_FSCONFIG_SET_FD, "pidns", NULL, namespace) < 0 ||
        kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return kernel_fsmount(context, 0);
}

_Noreturn static void make_for_parent(const struct plan_record *step, int namespace, int answer,
                                      pid_t parent)
{
    lifeline_tie(parent);
    /* A mount takes rights in the mount namespace too, which may be an ancestor's. */
    int mount = unshare(CLONE_NEWNS) < 0 ? -1 : make(step, namespace);
    if (mount >= 0)
        sync_send(answer, SYNC_OPENED, 0, mount);
    _exit(0);
}

static int receive(int socket)
{
    struct sync_message message;
    int mount;
    return sync_receive(socket, &message, &mount, 0) > 0 ? mount : -1;
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
        make_for_parent(step, entry->fd, sockets[1], parent);
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
