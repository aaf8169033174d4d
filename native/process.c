#include "process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "execute.h"
#include "kernel.h"
#include "keyring.h"
#include "label.h"
#include "memory.h"
#include "path.h"
#include "process-limits.h"
#include "protocol.h"
#include "slots.h"
#include "tree.h"
#include "user-add.h"

/* A form of a line; NULL: the usual one. */
static const char *form_of(const struct plan_record *step, unsigned operand)
{
    return step->argv[operand][0] == '\0' ? NULL : step->argv[operand];
}

static int look_up_user(struct init *init, const struct plan_record *step)
{
    if (user_lookup(init->root, step->argv[0], step->argv[1], &init->user, &init->failure) < 0)
        return -1;
    init->has_user = true;
    if (init->user.cut_off != NULL)
        init_warn(init, "user %s: only the first %u bytes of %s were looked at", step->argv[0],
                  ACCOUNTS_MAX_FILE, init->user.cut_off);
    if (plan_has_word(step->argv[2], "exact"))
        return user_take_groups(step->argv[1], &init->user, &init->failure);
    if (!plan_has_word(step->argv[2], "entry"))
        return 0;
    const char *passwd = form_of(step, 3), *group = form_of(step, 4);
    if (!init->user.has_entry) {
        const char *home = plan_environment(init->plan, "HOME");
        if (home != NULL && strlen(home) < sizeof(init->user.home))
            strcpy(init->user.home, home);
        const char *name = strstr(step->argv[2], "name=");
        if (name != NULL)
            snprintf(init->user.name, sizeof(init->user.name), "%.*s", (int)strcspn(name + 5, ","),
                     name + 5);
        /* A read-only or missing file is the image's choice, unless somebody wants a line. */
        if (user_add_entry(init->root, &init->user, passwd) < 0 && passwd != NULL)
            return fail(&init->failure, errno, "append to", "/etc/passwd");
    }
    if (user_add_group(init->root, &init->user, group) < 0 && group != NULL)
        return fail(&init->failure, errno, "append to", "/etc/group");
    return 0;
}

static int add_host_user(struct init *init, const struct plan_record *step)
{
    uint32_t uid = (uint32_t)plan_number(step, 1);
    if (user_add_line(init->root, step->argv[0], uid, step->argv[2]) < 0)
        return fail(&init->failure, errno, "append to", "/etc/passwd");
    return 0;
}

int process_check_inside(struct init *init, const char *path)
{
    char place[PATH_MAX];
    if (getcwd(place, sizeof(place)) == NULL)
        return fail(&init->failure, errno, "get working directory", "%s", path);
    if (place[0] != '/')
        return fail(&init->failure, EXDEV, "change directory", "%s", path);
    return 0;
}

static int change_directory(struct init *init, const struct plan_record *step)
{
    const char *path = step->argv[0];
    /* Resolved without magic links: /proc/self/fd/N is no way out
       (CVE-2024-21626). */
    cleanup_close int fd = strcmp(step->argv[1], "1") == 0
                               ? path_ensure(init->root, path, PATH_DIRECTORY, 0755, 0)
                               : path_open(init->root, path, 0);
    if (fd >= 0 && fchdir(fd) == 0)
        return process_check_inside(init, path);
    if (errno != EACCES)
        return fail(&init->failure, errno, "change directory", "%s", path);
    /* A directory that only the user may enter (fuse, NFS): tried again then. */
    init->late_directory = path;
    return 0;
}

static int set_environment(struct init *init, const struct plan_record *step)
{
    init->environment = step->argv;
    return 0;
}

/* The source of a volume, of which the user is to be the owner: a tree of the
   host's, behind a slot.  Its links are not followed, other file systems not
   entered. */
static int chown_tree(struct init *init, const struct plan_record *step)
{
    int slot = slots_descriptor(plan_slot(step, 0));
    if (!init->has_user)
        return fail(&init->failure, EINVAL, "change owner", "%s before user", step->argv[0]);
    if (tree_chown(slot, init->user.uid, init->user.gid) < 0)
        return fail(&init->failure, errno, "change owner", "to %u:%u", init->user.uid,
                    init->user.gid);
    return 0;
}

static int keyring(struct init *init)
{
    if (keyring_join(init->plan) == 0)
        return 0;
    if (errno != ENOSYS && errno != EPERM && errno != EDQUOT)
        return fail(&init->failure, errno, "join session keyring", "a new one");
    init_warn(init, "new session keyring: %s", strerror(errno));
    return 0;
}

static int refuse_priority(struct init *init, const char *what, const char *object)
{
    int error = errno;
    if (error == EPERM)
        failure_detail(&init->failure, "it takes CAP_SYS_NICE on the host, or a higher limit "
                                       "(RLIMIT_NICE, RLIMIT_RTPRIO)");
    return fail(&init->failure, error, what, "%s", object);
}

static int set_scheduler(struct init *init, const struct plan_record *step)
{
    struct kernel_sched_attr attr = {
        .size = sizeof(attr),
        .policy = (uint32_t)plan_number(step, 0),
        .flags = plan_number(step, 1),
        .nice = (int32_t)plan_signed(step, 2),
        .priority = (uint32_t)plan_number(step, 3),
        .runtime = plan_number(step, 4),
        .deadline = plan_number(step, 5),
        .period = plan_number(step, 6),
    };
    /* The kernel would take the nearest that there is. */
    if (plan_signed(step, 2) < -20 || plan_signed(step, 2) > 19)
        return fail(&init->failure, EINVAL, "set scheduler", "nice %s", step->argv[2]);
    return kernel_sched_setattr(&attr) == 0 ? 0
                                            : refuse_priority(init, "set scheduler", step->argv[0]);
}

static int set_io_priority(struct init *init, const struct plan_record *step)
{
    uint64_t class = plan_number(step, 0), level = plan_number(step, 1);
    if (class > 3 || level > 7)
        return fail(&init->failure, EINVAL, "set io priority", "class %s level %s", step->argv[0],
                    step->argv[1]);
    return kernel_ioprio_set((unsigned)class, (unsigned)level) == 0
               ? 0
               : refuse_priority(init, "set io priority", step->argv[0]);
}

int process_step(struct init *init, const struct plan_record *step)
{
    switch (step->op) {
    case TSMAN_OP_RLIMIT:
        return process_limit_set(init, step);
    case TSMAN_OP_OOM_SCORE:
        return 0; /* stage 1 has set it */
    case TSMAN_OP_UMASK:
        umask((mode_t)plan_octal(step, 0));
        return 0;
    case TSMAN_OP_USER:
        return look_up_user(init, step);
    case TSMAN_OP_HOST_USER:
        return add_host_user(init, step);
    case TSMAN_OP_CHDIR:
        return change_directory(init, step);
    case TSMAN_OP_CAPS:
        init->capabilities = step;
        return 0;
    case TSMAN_OP_NO_NEW_PRIVS:
        init->no_new_privileges = true;
        return 0;
    case TSMAN_OP_SECCOMP:
        init->seccomp = step;
        return 0;
    case TSMAN_OP_KEYRING:
        return keyring(init);
    case TSMAN_OP_CHOWN_TREE:
        return chown_tree(init, step);
    case TSMAN_OP_SCHEDULER:
        return set_scheduler(init, step);
    case TSMAN_OP_IO_PRIORITY:
        return set_io_priority(init, step);
    case TSMAN_OP_PERSONALITY:
        return personality((unsigned long)plan_hex(step, 0)) < 0
                   ? fail(&init->failure, errno, "set personality", "%s", step->argv[0])
                   : 0;
    case TSMAN_OP_LABEL:
        return label_set(init, step);
    case TSMAN_OP_ENV:
        return set_environment(init, step);
    case TSMAN_OP_EXEC:
        return execute_program(init, step);
    default:
        return fail(&init->failure, ENOSYS, "execute step", "%s", plan_name(step->op));
    }
}
