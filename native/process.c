#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dumb-init.h"
#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "path.h"
#include "protocol.h"
#include "pty.h"
#include "slots.h"
#include "sync.h"
#include "tree.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT           47
#define PR_CAP_AMBIENT_RAISE     2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* As users write them: getrlimit(2) without RLIMIT_, in lower case. */
static const char *limit_name(int resource)
{
    static const char *const names[RLIM_NLIMITS] = {
        [RLIMIT_AS] = "as",
        [RLIMIT_CORE] = "core",
        [RLIMIT_CPU] = "cpu",
        [RLIMIT_DATA] = "data",
        [RLIMIT_FSIZE] = "fsize",
        [RLIMIT_LOCKS] = "locks",
        [RLIMIT_MEMLOCK] = "memlock",
        [RLIMIT_MSGQUEUE] = "msgqueue",
        [RLIMIT_NICE] = "nice",
        [RLIMIT_NOFILE] = "nofile",
        [RLIMIT_NPROC] = "nproc",
        [RLIMIT_RSS] = "rss",
        [RLIMIT_RTPRIO] = "rtprio",
        [RLIMIT_RTTIME] = "rttime",
        [RLIMIT_SIGPENDING] = "sigpending",
        [RLIMIT_STACK] = "stack",
    };
    bool known = resource >= 0 && resource < (int)RLIM_NLIMITS && names[resource] != NULL;
    return known ? names[resource] : "of another kernel";
}

static int set_limit(struct init *init, const struct plan_record *step)
{
    int resource = (int)plan_number(step, 0);
    uint64_t soft = plan_number(step, 1), hard = plan_number(step, 2);
    struct rlimit wanted = {soft == UINT64_MAX ? RLIM_INFINITY : (rlim_t)soft,
                            hard == UINT64_MAX ? RLIM_INFINITY : (rlim_t)hard};
    struct rlimit present;
    if (setrlimit(resource, &wanted) == 0)
        return 0;
    if (errno != EPERM || getrlimit(resource, &present) < 0)
        return fail(&init->failure, errno, "set limit", "%s", limit_name(resource));
    wanted.rlim_max = present.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max;
    if (setrlimit(resource, &wanted) < 0)
        return fail(&init->failure, errno, "set limit", "%s", limit_name(resource));
    init_warn(init, "limit %s: the hard limit %s is above the caller's, which is %llu",
              limit_name(resource), step->argv[2], (unsigned long long)present.rlim_max);
    return 0;
}

static bool sets_limit(const struct plan *plan, int resource)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (step->op == TSMAN_OP_RLIMIT && plan_number(step, 0) == (uint64_t)resource)
            return true;
    }
    return false;
}

static const char *environment_of(const struct plan *plan, const char *name)
{
    const struct plan_record *record = plan_step(plan, TSMAN_OP_ENV);
    size_t length = strlen(name);
    const char *value = NULL;
    for (unsigned i = 0; record != NULL && i < record->argc; i++) {
        if (strncmp(record->argv[i], name, length) == 0 && record->argv[i][length] == '=')
            value = record->argv[i] + length + 1;
    }
    return value;
}

static int look_up_user(struct init *init, const struct plan_record *step)
{
    if (user_lookup(init->root, step->argv[0], step->argv[1], &init->user, &init->failure) < 0)
        return -1;
    init->has_user = true;
    if (!init->user.has_entry && plan_has_word(step->argv[2], "entry")) {
        const char *home = environment_of(init->plan, "HOME");
        if (home != NULL && strlen(home) < sizeof(init->user.home))
            strcpy(init->user.home, home);
        const char *name = strstr(step->argv[2], "name=");
        if (name != NULL)
            snprintf(init->user.name, sizeof(init->user.name), "%.*s", (int)strcspn(name + 5, ","),
                     name + 5);
        /* A read-only or missing file is the image's choice. */
        user_add_entry(init->root, &init->user);
    }
    return 0;
}

/* The kernel says "(unreachable)" for a directory outside of the root. */
static int check_inside(struct init *init, const char *path)
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
        return check_inside(init, path);
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
    char name[80];
    const struct plan_record *id = plan_setting(init->plan, TSMAN_SET_ID);
    snprintf(name, sizeof(name), "_ses.%.64s", id ? id->argv[0] : "tsman");
    if (kernel_keyring_join_session(name) >= 0)
        return 0;
    if (errno != ENOSYS && errno != EPERM && errno != EDQUOT)
        return fail(&init->failure, errno, "join session keyring", "%s", name);
    init_warn(init, "new session keyring: %s", strerror(errno));
    return 0;
}

static int apply_groups(struct init *init)
{
    const struct plan_record *step = plan_step(init->plan, TSMAN_OP_USER);
    const struct user *user = &init->user;
    init->blamed = step;
    if (plan_has_word(step->argv[2], "keepgroups"))
        return 0;
    if (setgroups(user->group_count, user->groups) == 0)
        return 0;
    /* setgroups(2) is denied for a map of one id, or by the namespace above. */
    if (errno == EPERM) {
        if (step->argv[1][0] != '\0')
            init_warn(init, "additional groups %s: setgroups is denied in this user namespace",
                      step->argv[1]);
        return 0;
    }
    fail(&init->failure, errno, "setgroups", "%zu groups, the first %u", user->group_count,
         user->groups[0]);
    if (errno == EINVAL)
        failure_detail(&init->failure, "a group is not mapped in the user namespace");
    return -1;
}

/* A change of ids has untied us from the monitor, which may have ended since.  Its pid is
   of another namespace, but there is its end of the socket. */
static int tie_again(const struct init *init)
{
    struct pollfd ended = {.fd = init->sync};
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

static int drop_bounding(struct init *init)
{
    uint64_t keep = plan_hex(init->capabilities, 0);
    init->blamed = init->capabilities;
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (keep & (UINT64_C(1) << cap))
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL)
                break; /* above the last one that this kernel knows */
            return fail(&init->failure, errno, "drop from bounding set", "capability %lu", cap);
        }
    }
    return 0;
}

/* The masks may name capabilities that this kernel does not know. */
static uint64_t known_capabilities(void)
{
    uint64_t known = 0;
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
            break;
        known |= UINT64_C(1) << cap;
    }
    return known;
}

static int apply_capabilities(struct init *init)
{
    init->blamed = init->capabilities;
    uint64_t known = known_capabilities();
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
    if (kernel_seccomp_set_filter((unsigned)plan_number(step, 1), step->argv[0],
                                  (unsigned short)(size / one)) < 0)
        return fail(&init->failure, errno, "load seccomp filter", "%zu instructions", size / one);
    return 0;
}

/*
 * The order, each line with its reason:
 *   1. bounding set      needs CAP_SETPCAP
 *   2. keep capabilities a change from uid 0 drops them otherwise (capabilities(7))
 *   3. groups, gid, uid  need CAP_SETGID, CAP_SETUID; uid last, since it ends both
 *   4. filter, if privileges may be gained (no NO_NEW_PRIVS): needs CAP_SYS_ADMIN
 *      (seccomp(2)), and so must let steps 5 to 8 pass, as every profile does
 *   5. capability sets   the program's own
 *   6. no_new_privs
 *   7. filter, otherwise: last, so that it sees as little of us as can be
 *   8. execve
 */
static int drop_privileges(struct init *init)
{
    if (init->capabilities != NULL) {
        if (drop_bounding(init) < 0)
            return -1;
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    }
    if (apply_ids(init) < 0)
        return -1;
    if (init->seccomp != NULL && !init->no_new_privileges) {
        /* A change of uid clears the effective set, not the permitted one. */
        uint64_t all = known_capabilities();
        if (init->user.uid != 0 && init->capabilities != NULL)
            kernel_capset(all, all, 0);
        if (apply_filter(init) < 0)
            return -1;
    }
    if (init->capabilities != NULL && apply_capabilities(init) < 0)
        return -1;
    init->blamed = NULL;
    if (init->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(&init->failure, errno, "set no_new_privs", "process");
    if (init->seccomp != NULL && init->no_new_privileges && apply_filter(init) < 0)
        return -1;
    if (init->late_directory != NULL) {
        init->blamed = plan_step(init->plan, TSMAN_OP_CHDIR);
        if (chdir(init->late_directory) < 0)
            return fail(&init->failure, errno, "change directory", "%s", init->late_directory);
        return check_inside(init, init->late_directory);
    }
    return 0;
}

/* So that the program may open /dev/stdout as another user than root. */
static void own_streams(const struct init *init)
{
    for (int i = 0; i < 3; i++) {
        if (init->program[i] >= 0)
            (void)!fchown(init->program[i], init->user.uid, (gid_t)-1);
    }
    if (init->tty >= 0)
        (void)!fchown(init->tty, init->user.uid, (gid_t)-1);
}

/* What the program gets where nothing is forwarded: the container's /dev/null if it
   is one, else the host's, which stage 1 has put there. */
static int open_null(const struct init *init)
{
    struct stat status;
    cleanup_close int found = path_open(init->root, "/dev/null", PATH_NO_SYMLINKS);
    if (found < 0 || fstat(found, &status) < 0 || !S_ISCHR(status.st_mode) ||
        status.st_rdev != makedev(1, 3))
        return -1;
    return open("/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

static int connect_streams(struct init *init)
{
    cleanup_close int null = open_null(init);
    for (int i = 0; i < 3; i++) {
        int from = init->tty >= 0 ? init->tty : init->program[i];
        if (from < 0)
            from = null;
        if (from >= 0 && dup2(from, i) < 0)
            return fail(&init->failure, errno, "connect", "descriptor %d", i);
    }
    return 0;
}

static unsigned preserved(const struct init *init)
{
    const struct plan_record *record = plan_setting(init->plan, TSMAN_SET_PRESERVE);
    return record ? (unsigned)plan_number(record, 0) : 0;
}

/* Out of the way of the descriptors from 3 to 3 + count. */
static int move_up(struct init *init, int *fd, unsigned count)
{
    const int least = TSMAN_CONTROL_FD + 1 + (int)count;
    if (*fd < 0 || *fd >= least)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, least);
    if (moved < 0)
        return fail(&init->failure, errno, "preserve", "%u descriptors", count);
    close(*fd);
    *fd = moved;
    return 0;
}

/* They were found one place higher, behind the control socket: each place is free, or
   read already, when it is written. */
static int place_preserved(struct init *init)
{
    const unsigned count = preserved(init);
    if (count == 0)
        return 0;
    if (move_up(init, &init->sync, count) < 0 || move_up(init, &init->self, count) < 0)
        return -1;
    for (int fd = 3; fd < 3 + (int)count; fd++) {
        if (dup2(fd + 1, fd) < 0)
            return fail(&init->failure, errno, "preserve", "descriptor %d", fd);
    }
    return 0;
}

static int close_span(int first, int last)
{
    return first > last ? 0 : kernel_close_range((unsigned)first, (unsigned)last, 0);
}

/*
 * All but the standard streams, what is to be preserved, and the socket to the monitor, and not
 * only at execve: as long as a directory of the host is open, /proc/self/fd/N leads there, as
 * program, as interpreter of one or as entry of PATH (CVE-2024-21626).
 */
static int close_others(struct init *init)
{
    const int sync = init->sync, self = init->self, first = 3 + (int)preserved(init);
    const int low = self < 0 || sync < self ? sync : self, high = sync < self ? self : sync;
    fcntl(sync, F_SETFD, FD_CLOEXEC);
    if (close_span(first, low - 1) == 0 && close_span(low + 1, high - 1) == 0 &&
        close_span(high + 1, INT_MAX) == 0)
        return 0;
    if (errno != ENOSYS)
        return fail(&init->failure, errno, "close", "descriptors from %d on", first);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
        limit.rlim_cur = 65536;
    for (int fd = first; fd < (int)limit.rlim_cur; fd++) {
        if (fd != sync && fd != self)
            close(fd);
    }
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int prepare_environment(struct init *init)
{
    static char *nothing[] = {NULL};
    char **present = init->environment ? init->environment : nothing;
    size_t count = 0;
    if (environment_of(init->plan, "HOME") != NULL) {
        init->environment = present;
        return 0;
    }
    while (present[count] != NULL)
        count++;
    char **environment = calloc(count + 2, sizeof(char *));
    char *home = malloc(sizeof(init->user.home) + 8);
    if (environment == NULL || home == NULL) {
        free(environment);
        free(home);
        return fail(&init->failure, ENOMEM, "execute", "environment");
    }
    memcpy(environment, present, count * sizeof(char *));
    sprintf(home, "HOME=%s", init->has_user ? init->user.home : "/");
    environment[count] = home;
    init->environment = environment; /* lives until execve */
    return 0;
}

static int exec_failure(struct init *init, const char *path, int error)
{
    struct stat status;
    fail(&init->failure, error, "execute", "%s", path);
    if (error == ENOENT && stat(path, &status) == 0)
        failure_detail(&init->failure,
                       "the file exists: its interpreter (#! line or ELF loader) does not");
    if (error == ENOEXEC)
        failure_detail(&init->failure, "not a program of this architecture, or no #! line");
    return -1;
}

/* execvp(3) with the container's PATH, and without a shell for what has no
   format. */
static int execute(struct init *init, const struct plan_record *step)
{
    char path[PATH_MAX];
    char *const *argv = step->argv;
    const char *name = argv[0];
    if (strchr(name, '/') != NULL) {
        execve(name, argv, init->environment);
        return exec_failure(init, name, errno);
    }
    const char *list = environment_of(init->plan, "PATH");
    if (list == NULL)
        list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    bool denied = false;
    for (;;) {
        size_t length = strcspn(list, ":");
        int written =
            snprintf(path, sizeof(path), "%.*s%s%s", (int)length, list, length ? "/" : "./", name);
        if (written < (int)sizeof(path)) {
            struct stat status;
            execve(path, argv, init->environment);
            if (errno == EACCES)
                denied = true;
            else if (errno != ENOENT && errno != ENOTDIR)
                return exec_failure(init, path, errno);
            else if (errno == ENOENT && stat(path, &status) == 0)
                return exec_failure(init, path, ENOENT);
        }
        if (list[length] == '\0')
            break;
        list += length + 1;
    }
    fail(&init->failure, denied ? EACCES : ENOENT, "execute", "%s", name);
    failure_detail(&init->failure, "not found in PATH of the container");
    return -1;
}

static int process_exec(struct init *init, const struct plan_record *step)
{
    if (init->wants_tty && init->tty < 0 && pty_open(init) < 0)
        return -1;
    /* Also where the program's PATH or directory is not: prepared before START. */
    if (prepare_environment(init) < 0)
        return -1;
    sync_send(init->sync, SYNC_INIT_READY, 0, -1);
    if (sync_await(init->sync, SYNC_START) < 0)
        _exit(1); /* the monitor is gone or has given up */
    if (connect_streams(init) < 0)
        return -1;
    own_streams(init);
    if (init->tty >= 0 && pty_control(init) < 0)
        return -1;
    if (place_preserved(init) < 0 || close_others(init) < 0)
        return -1;
    if (!sets_limit(init->plan, RLIMIT_NOFILE))
        slots_restore_limit();
    if (!sets_limit(init->plan, RLIMIT_CORE))
        lifeline_restore_core();
    if (drop_privileges(init) < 0)
        return -1;
    if (plan_setting(init->plan, TSMAN_SET_DUMB_INIT) != NULL && dumb_init_fork(init) < 0)
        return -1;
    reset_signals();
    init->blamed = NULL;
    init->is_executing = true;
    return execute(init, step);
}

int process_step(struct init *init, const struct plan_record *step)
{
    switch (step->op) {
    case TSMAN_OP_RLIMIT:
        return set_limit(init, step);
    case TSMAN_OP_OOM_SCORE:
        return 0; /* stage 1 has set it */
    case TSMAN_OP_UMASK:
        umask((mode_t)plan_octal(step, 0));
        return 0;
    case TSMAN_OP_USER:
        return look_up_user(init, step);
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
    case TSMAN_OP_ENV:
        return set_environment(init, step);
    case TSMAN_OP_EXEC:
        return process_exec(init, step);
    default:
        return fail(&init->failure, ENOSYS, "execute step", "%s", plan_name(step->op));
    }
}
