#include "joined-proc.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "mounting.h"
#include "protocol.h"
#include "sync.h"

/* One is what there is. */
#define MOST 8
static struct {
    const struct plan_record *step;
    int mount;
} made[MOST];
static size_t count;

static bool list_steps(const struct plan *plan)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (step->op != TSMAN_OP_MOUNT || strcmp(step->argv[0], "proc") != 0)
            continue;
        if (count == MOST)
            return false;
        made[count].step = step;
        made[count++].mount = -1;
    }
    return true;
}

/* Its processes never see this one: whoever may trace there would get our rights. */
static int make(const struct plan_record *step, int namespace)
{
    static const struct mounting_flags no_flags;
    struct failure ignored = {0};
    const struct mounting_recipe recipe = {step->argv[0], step->argv[1], step->argv[4], namespace};
    return mounting_new(&recipe, &no_flags, &ignored);
}

_Noreturn static void make_for_parent(int namespace, int answer, pid_t parent)
{
    lifeline_tie(parent);
    /* A mount takes rights in the mount namespace too, which may be an ancestor's. */
    if (unshare(CLONE_NEWNS) < 0)
        _exit(1);
    for (size_t i = 0; i < count; i++) {
        cleanup_close int mount = make(made[i].step, namespace);
        if (mount < 0 || sync_send(answer, SYNC_OPENED, 0, mount) < 0)
            _exit(1);
    }
    _exit(0);
}

static bool receive(int socket)
{
    for (size_t i = 0; i < count; i++) {
        struct sync_message message;
        if (sync_receive(socket, &message, &made[i].mount, 0) <= 0 || made[i].mount < 0)
            return false;
    }
    return true;
}

static bool make_all(int namespace)
{
    int sockets[2];
    if (sync_pair(sockets) < 0)
        return false;
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        make_for_parent(namespace, sockets[1], parent);
    close(sockets[1]);
    bool are_all = pid > 0 && receive(sockets[0]);
    close(sockets[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return are_all;
}

bool joined_proc_open(const struct plan *plan, const struct joins *joins)
{
    const int namespace = joins_pid_namespace(joins);
    if (namespace >= 0 && list_steps(plan) && (count == 0 || make_all(namespace)))
        return true;
    for (size_t i = 0; i < count; i++)
        drop_fd(&made[i].mount);
    count = 0;
    return false;
}

int joined_proc_take(const struct plan_record *step)
{
    for (size_t i = 0; i < count; i++) {
        if (made[i].step == step)
            return give_fd(&made[i].mount);
    }
    return -1;
}
