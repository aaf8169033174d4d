#include "joined-proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "mounting.h"
#include "outside.h"
#include "path.h"
#include "plan-grammar.h"
#include "protocol.h"
#include "step.h"
#include "sync.h"

/* One is what there is. */
#define MOST 8
static struct {
    const struct plan_record *step;
    int mount;
} made[MOST];
static size_t count;
static bool are_placeholders;
/* Why there are none. */
static struct failure refusal;

static const char *target_of(size_t index)
{
    return made[index].step->argv[2];
}

static bool list_steps(const struct plan *plan)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (step->op != TSMAN_OP_MOUNT || strcmp(step->argv[0], "proc") != 0)
            continue;
        if (count == MOST) {
            fail(&refusal, E2BIG, "mount", "proc more than %d times", MOST);
            return false;
        }
        made[count].step = step;
        made[count++].mount = -1;
    }
    return true;
}

static int make(const struct plan_record *step, int namespace, struct failure *failure)
{
    static const struct mounting_flags no_flags;
    const struct mounting_recipe recipe = {step->argv[0], step->argv[1], step->argv[4], namespace};
    int mount = mounting_new(&recipe, &no_flags, failure);
    return mount == MOUNTING_LEGACY ? fail(failure, ENOSYS, "mount", "proc") : mount;
}

_Noreturn static void make_for_parent(int namespace, int answer, pid_t parent)
{
    struct failure failure = {0};
    lifeline_tie(parent);
    /* A mount takes rights in the mount namespace too, which may be an ancestor's. */
    if (unshare(CLONE_NEWNS) < 0)
        fail(&failure, errno, "unshare", "mount namespace");
    for (size_t i = 0; i < count && !failure.set; i++) {
        cleanup_close int mount = make(made[i].step, namespace, &failure);
        if (mount >= 0)
            sync_send(answer, SYNC_OPENED, 0, mount);
    }
    if (failure.set)
        sync_send_failure(answer, &failure);
    _exit(0);
}

static int receive(int socket)
{
    for (size_t i = 0; i < count; i++) {
        struct sync_message message;
        if (sync_receive(socket, &message, &made[i].mount, 0) <= 0)
            return fail(&refusal, ECONNRESET, "mount", "proc");
        if (message.type == SYNC_FAILED)
            refusal = message.failure;
        if (made[i].mount < 0)
            return refusal.set ? -1 : fail(&refusal, EMFILE, "mount", "proc");
    }
    return 0;
}

/* Of that pid namespace, or, with -1, of one that ends with this. */
static bool make_all(int namespace)
{
    int sockets[2];
    memset(&refusal, 0, sizeof(refusal));
    if (count == 0)
        return true;
    if (sync_pair(sockets) < 0) {
        fail(&refusal, errno, "make socket pair", "proc");
        return false;
    }
    /* A first process sees no parent. */
    const pid_t parent = namespace < 0 ? 0 : getpid();
    pid_t pid = kernel_fork(namespace < 0 ? CLONE_NEWPID : 0);
    if (pid == 0)
        make_for_parent(namespace, sockets[1], parent);
    if (pid < 0)
        fail(&refusal, errno, "fork", "proc");
    close(sockets[1]);
    bool are_all = pid > 0 && receive(sockets[0]) == 0;
    close(sockets[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    for (size_t i = 0; i < count && !are_all; i++)
        drop_fd(&made[i].mount);
    return are_all;
}

/* Whether a path is that directory, or in it.  As they are written: where links lead into a /proc
   nothing is mounted, and what is masked is looked at in the end. */
static bool is_in(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    return strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Whether a placeholder, if there were one, would keep it waiting. */
static bool waits(const struct plan_record *step)
{
    if (step->op != TSMAN_OP_MASK && step->op != TSMAN_OP_READONLY)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_in(step->argv[step->op == TSMAN_OP_MASK ? 1 : 0], target_of(i)))
            return true;
    }
    return false;
}

static bool changes_mounts(uint16_t op)
{
    return op == TSMAN_OP_MASK || op == TSMAN_OP_READONLY || op == TSMAN_OP_CHANGE_MOUNT;
}

/* What is mounted in a /proc may be the host's, which init is not to have; and what changes all
   below a directory would not change what comes later. */
static bool can_wait(const struct plan_record *step)
{
    const struct plan_grammar *grammar = plan_grammar_of(step->op);
    /* Of a link only the second is a place. */
    for (unsigned n = step->op == TSMAN_OP_SYMLINK ? 1 : 0; n < step->argc; n++) {
        if (plan_operand_type(grammar, n) != 'p')
            continue;
        for (size_t i = 0; i < count; i++) {
            const char *path = step->argv[n], *proc = target_of(i);
            if (step == made[i].step || waits(step))
                continue;
            if (is_in(path, proc) || (changes_mounts(step->op) && is_in(proc, path)))
                return false;
        }
    }
    return true;
}

static bool can_all_wait(const struct plan *plan)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (!outside_leaves(step->op) && !can_wait(step))
            return false;
    }
    return plan_step(plan, TSMAN_OP_PIVOT) != NULL;
}

bool joined_proc_open(const struct plan *plan, const struct joins *joins, bool makes_user)
{
    const int namespace = joins_pid_namespace(joins);
    if (namespace < 0 || !list_steps(plan) || make_all(namespace))
        return true;
    const bool has_contexts = refusal.errnum != ENOSYS;
    /* Whatever else is wrong would be wrong for init too. */
    if (has_contexts && strcmp(refusal.object, "pidns") != 0)
        return true;
    if (makes_user) {
        failure_detail(&refusal, "that of processes which are joined takes Linux 6.17 in a new "
                                 "user namespace");
        return true;
    }
    /* The rights over that namespace are init's as well only where it has no other user one. */
    if (!has_contexts || (joins->flags & CLONE_NEWUSER) || !can_all_wait(plan))
        return false;
    are_placeholders = make_all(-1);
    return true;
}

int joined_proc_take(const struct plan_record *step, struct failure *failure)
{
    int mount = -1;
    for (size_t i = 0; i < count; i++) {
        if (made[i].step == step)
            mount = give_fd(&made[i].mount);
    }
    if (mount < 0 && failure != NULL) {
        fail(&refusal, EPERM, "mount", "proc");
        *failure = refusal;
    }
    return mount;
}

bool joined_proc_awaits(const struct plan_record *step)
{
    return are_placeholders && waits(step);
}

bool joined_proc_is_open(void)
{
    return are_placeholders;
}

/* By its descriptor: the path may lead to a link of the image's. */
static int unmount(struct init *init, const char *path)
{
    cleanup_close int place = path_open(init->root, path, 0);
    if (place < 0 || fchdir(place) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return fail(&init->failure, errno, "unmount", "%s", path);
    return 0;
}

void joined_proc_settle(struct init *init)
{
    if (!are_placeholders)
        return;
    /* All of them while one is to be seen still. */
    for (size_t i = 0; i < count; i++) {
        made[i].mount = make(made[i].step, -1, &init->failure);
        if (made[i].mount < 0)
            init_give_up(init, made[i].step);
    }
    /* Mounts are changed by way of it on older kernels, see mounting-legacy.h. */
    if (count > 0)
        init->proc_self = openat(made[0].mount, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        if (unmount(init, target_of(i)) < 0 || step_mount(init, made[i].step) < 0)
            init_give_up(init, made[i].step);
    }
    for (size_t i = 0; i < init->next; i++) {
        const struct plan_record *step = &init->plan->steps[i];
        if (!joined_proc_awaits(step))
            continue;
        if ((step->op == TSMAN_OP_MASK ? step_mask : step_readonly)(init, step) < 0)
            init_give_up(init, step);
    }
    drop_fd(&init->proc_self);
}
