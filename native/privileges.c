#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel.h"
#include "listener.h"
#include "namespace.h"
#include "process.h"
#include "protocol.h"
#include "verify-init.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT           47
#define PR_CAP_AMBIENT_RAISE     2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

static int apply_groups(struct init *init)
{
    const struct plan_record *step = plan_step(init->plan, TSMAN_OP_USER);
    const struct user *user = &init->user;
    init->blamed = step;
    if (plan_has_word(step->argv[2], "keepgroups"))
        return 0;
    if (setgroups(user->group_count, user->groups) == 0) {
        init->has_groups = true;
        return 0;
    }
    /* setgroups(2) is denied for a map of one id, or by the namespace above. */
    bool strict = plan_setting(init->plan, TSMAN_SET_STRICT) != NULL && step->argv[1][0] != '\0';
    if (errno == EPERM && !strict) {
        if (step->argv[1][0] != '\0')
            init_warn(init, "additional groups %s: setgroups is denied in this user namespace",
                      step->argv[1]);
        return 0;
    }
    fail(&init->failure, errno, "setgroups", "%zu groups, the first %u", user->group_count,
         user->groups[0]);
    if (errno == EPERM)
        failure_detail(&init->failure, "setgroups is denied in this user namespace");
    if (errno == EINVAL)
        failure_detail(&init->failure, "a group is not mapped in the user namespace");
    return -1;
}

/* A change of ids has untied us from the monitor, which may have ended since.  Its pid is
   of another namespace, but there is its end of the socket. */
static int tie_again(const struct init *init)
{
    struct pollfd ended = {.fd = init->channels.sync};
    if (init->untied)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&ended, 1, 0) > 0)
        _exit(1);
    return 0;
}

static int apply_ids(struct init *init)
{
    const struct user *user = &init->user;
    if (!init->has_user)
        return 0;
    if (apply_groups(init) < 0)
        return -1;
    if (setresgid(user->gid, user->gid, user->gid) < 0) {
        fail(&init->failure, errno, "setresgid", "%u", user->gid);
        if (errno == EINVAL)
            failure_detail(&init->failure, "gid %u is not mapped in the user namespace", user->gid);
        return -1;
    }
    if (setresuid(user->uid, user->uid, user->uid) < 0) {
        fail(&init->failure, errno, "setresuid", "%u", user->uid);
        if (errno == EINVAL)
            failure_detail(&init->failure, "uid %u is not mapped in the user namespace", user->uid);
        return -1;
    }
    /* A change of ids sets it to what fs.suid_dumpable says (proc_sys_fs(5)); others of
       the container may trace the program, not us. */
    prctl(PR_SET_DUMPABLE, 0);
    return tie_again(init);
}

static int drop_from_bounding(uint64_t keep, struct failure *failure)
{
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (keep & (UINT64_C(1) << cap))
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL)
                break; /* above the last one that this kernel knows */
            return fail(failure, errno, "drop from bounding set", "capability %lu", cap);
        }
    }
    return 0;
}

/* The masks may name capabilities that this kernel does not know. */
uint64_t privileges_known(void)
{
    /* They are numbered without gaps. */
    unsigned long least = 0, above = 64;
    while (least < above) {
        unsigned long middle = (least + above) / 2;
        if (prctl(PR_CAPBSET_READ, middle, 0, 0, 0) < 0)
            above = middle;
        else
            least = middle + 1;
    }
    return least >= 64 ? UINT64_MAX : (UINT64_C(1) << least) - 1;
}

static uint64_t one(unsigned capability)
{
    return UINT64_C(1) << capability;
}

/* What is left to do of a plan once its root file system stands. */
static uint64_t needed(const struct plan *plan, bool mounts)
{
    uint64_t mask = one(CAP_SETUID) | one(CAP_SETGID) | one(CAP_SETPCAP);
    /* Entries in /etc/passwd, a working directory, who owns the streams. */
    mask |= one(CAP_CHOWN) | one(CAP_DAC_OVERRIDE) | one(CAP_FOWNER);
    if (plan_step(plan, TSMAN_OP_RLIMIT) != NULL)
        mask |= one(CAP_SYS_RESOURCE);
    if (plan_step(plan, TSMAN_OP_SCHEDULER) != NULL ||
        plan_step(plan, TSMAN_OP_IO_PRIORITY) != NULL)
        mask |= one(CAP_SYS_NICE);
    const bool filters_early =
        plan_step(plan, TSMAN_OP_SECCOMP) != NULL && plan_step(plan, TSMAN_OP_NO_NEW_PRIVS) == NULL;
    if (mounts || filters_early)
        mask |= one(CAP_SYS_ADMIN);
    return mask;
}

/* Of the program's own, what execve(2) gives it again: to a root without no_new_privs all of its
   bounding set (capabilities(7)).  The program is not dumpable then, nor tied to the monitor
   (commit_creds() in kernel/cred.c), so only where init would have more than the program. */
static uint64_t withheld;

static bool is_root(const char *spec)
{
    return strcmp(spec, "0") == 0 || strncmp(spec, "0:", 2) == 0;
}

static bool is_given_by_exec(const struct plan *plan, const struct plan_record *step)
{
    const struct plan_record *user = plan_step(plan, TSMAN_OP_USER);
    const uint64_t bounding = plan_hex(step, 0);
    return user != NULL && is_root(user->argv[0]) && plan_hex(step, 1) == bounding &&
           plan_hex(step, 2) == bounding && plan_hex(step, 3) == 0 && plan_hex(step, 4) == 0 &&
           plan_step(plan, TSMAN_OP_NO_NEW_PRIVS) == NULL && prctl(PR_GET_SECUREBITS) == 0 &&
           /* The caller's, which nobody can take back. */
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

void privileges_narrow(const struct plan *plan, bool mounts)
{
    const struct plan_record *step = plan_step(plan, TSMAN_OP_CAPS);
    uint64_t effective, permitted, inheritable;
    struct failure ignored = {0};
    if (step == NULL)
        return;
    uint64_t keep = needed(plan, mounts);
    /* With CAP_SYS_ADMIN and CAP_SYS_CHROOT what is found is joined. */
    if (is_given_by_exec(plan, step) && namespace_finds_mounts())
        withheld = plan_hex(step, 2) & ~keep;
    else
        keep |= plan_hex(step, 1) | plan_hex(step, 2) | plan_hex(step, 3);
    /* Init will say what fails, when it comes to that. */
    (void)drop_from_bounding(plan_hex(step, 0), &ignored);
    if (kernel_capget(&effective, &permitted, &inheritable) == 0)
        (void)kernel_capset(effective & keep, permitted & keep, inheritable & keep);
}

uint64_t privileges_withheld(void)
{
    return withheld;
}

static int apply_capabilities(struct init *init)
{
    init->blamed = init->capabilities;
    uint64_t known = privileges_known() & ~withheld;
    uint64_t effective = plan_hex(init->capabilities, 1) & known;
    uint64_t permitted = plan_hex(init->capabilities, 2) & known;
    uint64_t inheritable = plan_hex(init->capabilities, 3) & known;
    uint64_t ambient = plan_hex(init->capabilities, 4) & known;
    if (kernel_capset(effective, permitted, inheritable) < 0)
        return fail(&init->failure, errno, "capset", "effective %s permitted %s",
                    init->capabilities->argv[1], init->capabilities->argv[2]);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned long cap = 0; cap < 64; cap++) {
        if ((ambient & (UINT64_C(1) << cap)) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return fail(&init->failure, errno, "raise ambient", "capability %lu", cap);
    }
    return 0;
}

static int apply_filter(struct init *init)
{
    const struct plan_record *step = init->seccomp;
    init->blamed = step;
    size_t size = step->length[0];
    const size_t one = sizeof(struct sock_filter);
    if (size == 0 || size % one != 0 || size / one > BPF_MAXINSNS)
        return fail(&init->failure, EINVAL, "load seccomp filter", "%zu bytes", size);
    unsigned flags = (unsigned)plan_number(step, 1);
    bool listened = listener_connection() != NULL;
    if (listened && listener_prepare(init->plan, &init->failure) < 0)
        return -1;
    int filter =
        kernel_seccomp_set_filter(listened ? flags | SECCOMP_FILTER_FLAG_NEW_LISTENER : flags,
                                  step->argv[0], (unsigned short)(size / one));
    if (filter < 0)
        return fail(&init->failure, errno, "load seccomp filter", "%zu instructions", size / one);
    if (!listened)
        return 0;
    int sent = listener_send(filter, &init->failure);
    close(filter);
    return sent;
}

/*
 * The order, each line with its reason:
 *   1. bounding set      needs CAP_SETPCAP
 *   2. keep capabilities a change from uid 0 drops them otherwise (capabilities(7))
 *   3. groups, gid, uid  need CAP_SETGID, CAP_SETUID; uid last, since it ends both
 *   4. filter, if privileges may be gained (no NO_NEW_PRIVS): needs CAP_SYS_ADMIN
 *      (seccomp(2)), and so must let steps 5, 6 and 9 pass, as every profile does
 *   5. capability sets   the program's own
 *   6. no_new_privs
 *   7. all of this read back, but for what was read before an early filter (S33)
 *   8. filter, otherwise: last, so that it sees as little of us as can be
 *   9. execve
 */
int privileges_drop(struct init *init)
{
    if (init->capabilities != NULL) {
        init->blamed = init->capabilities;
        if (drop_from_bounding(plan_hex(init->capabilities, 0), &init->failure) < 0)
            return -1;
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    }
    if (apply_ids(init) < 0)
        return -1;
    if (init->seccomp != NULL && !init->no_new_privileges) {
        /* A change of uid clears the effective set, not the permitted one, which need not be
           all that there are: root of the host may lack some. */
        uint64_t kept;
        if (init->user.uid != 0 && init->capabilities != NULL &&
            kernel_capget_permitted(&kept) == 0)
            kernel_capset(kept, kept, 0);
        /* The filter need not let anything be read. */
        if (verify_credentials(init, true) < 0 || apply_filter(init) < 0)
            return -1;
    }
    if (init->capabilities != NULL && apply_capabilities(init) < 0)
        return -1;
    init->blamed = NULL;
    if (init->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(&init->failure, errno, "set no_new_privs", "process");
    if (verify_credentials(init, false) < 0)
        return -1;
    if (init->seccomp != NULL && init->no_new_privileges && apply_filter(init) < 0)
        return -1;
    if (init->late_directory != NULL) {
        init->blamed = plan_step(init->plan, TSMAN_OP_CHDIR);
        if (chdir(init->late_directory) < 0)
            return fail(&init->failure, errno, "change directory", "%s", init->late_directory);
        return process_check_inside(init, init->late_directory);
    }
    return 0;
}
