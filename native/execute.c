#include "execute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "departure.h"
#include "descriptors.h"
#include "dumb-init.h"
#include "hook.h"
#include "kernel.h"
#include "lifeline.h"
#include "listener.h"
#include "memory.h"
#include "path.h"
#include "privileges.h"
#include "process-limits.h"
#include "protocol.h"
#include "pty.h"
#include "slots.h"
#include "sync.h"
#include "verify-init.h"

/* What only the two ends of a stream have, or a terminal: not /dev/null, which is everybody's,
   nor a file of the caller's (PASSTHROUGH). */
static bool is_stream(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(fd));
}

/* So that the program may open /dev/stdout as another user than root. */
static void own_streams(const struct init *init)
{
    for (int i = 0; i < 3; i++) {
        if (is_stream(init->program[i]))
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
    int *listener = listener_connection();
    if (move_up(init, &init->channels.sync, count) < 0 ||
        move_up(init, &init->channels.orders, count) < 0 || move_up(init, &init->self, count) < 0 ||
        move_up(init, &init->status, count) < 0 ||
        (listener != NULL && move_up(init, listener, count) < 0))
        return -1;
    for (int fd = 3; fd < 3 + (int)count; fd++) {
        if (dup2(fd + 1, fd) < 0)
            return fail(&init->failure, errno, "preserve", "descriptor %d", fd);
    }
    return 0;
}

/*
 * All but the standard streams, what is to be preserved, and what we still need until execve
 * ourselves, and not only at execve: as long as a directory of the host is open,
 * /proc/self/fd/N leads there, as program, as interpreter of one or as entry of PATH
 * (CVE-2024-21626).
 */
static int close_others(struct init *init)
{
    const int *listener = listener_connection();
    int kept[] = {init->channels.sync, init->channels.orders, init->self, init->status,
                  listener ? *listener : -1};
    const int first = 3 + (int)preserved(init);
    fcntl(init->channels.sync, F_SETFD, FD_CLOEXEC);
    return descriptors_close_others(first, kept, sizeof(kept) / sizeof(kept[0])) < 0
               ? fail(&init->failure, errno, "close", "descriptors from %d on", first)
               : 0;
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
    if (plan_environment(init->plan, "HOME") != NULL) {
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

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
    const char *list = plan_environment(init->plan, "PATH");
    if (list == NULL)
        list = default_path;
    bool denied = false;
    for (;;) {
        size_t length = strcspn(list, ":");
        int written =
            snprintf(path, sizeof(path), "%.*s%s%s", (int)length, list, length ? "/" : "./", name);
        if (written < (int)sizeof(path)) {
            struct stat status;
            execve(path, argv, init->environment);
            int error = errno;
            bool exists = error != EACCES && error != ENOTDIR && stat(path, &status) == 0;
            if (error == EACCES)
                denied = true;
            else if (exists)
                return exec_failure(init, path, error);
            /* Not for what is there, so for any: a system call filter. */
            else if (error != ENOENT && error != ENOTDIR)
                return exec_failure(init, name, error);
        }
        if (list[length] == '\0')
            break;
        list += length + 1;
    }
    fail(&init->failure, denied ? EACCES : ENOENT, "execute", "%s", name);
    failure_detail(&init->failure, "not found in PATH of the container");
    return -1;
}

/*
 * For a start that is told of over the start pipes: its caller was told before whether
 * there is such a program at all, as of other OCI runtimes.  As root, so that this says
 * nothing of whether the user may execute it.
 */
static int look_for(struct init *init, const struct plan_record *step)
{
    char path[PATH_MAX];
    struct stat status;
    const char *name = step->argv[0];
    const char *list = plan_environment(init->plan, "PATH");
    if (strchr(name, '/') != NULL) {
        if (stat(name, &status) < 0 && (errno == ENOENT || errno == ENOTDIR))
            return exec_failure(init, name, errno);
        return 0;
    }
    if (list == NULL)
        list = default_path;
    for (;;) {
        size_t length = strcspn(list, ":");
        int written =
            snprintf(path, sizeof(path), "%.*s%s%s", (int)length, list, length ? "/" : "./", name);
        if (written < (int)sizeof(path) &&
            (stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR)))
            return 0;
        if (list[length] == '\0')
            break;
        list += length + 1;
    }
    fail(&init->failure, ENOENT, "execute", "%s", name);
    failure_detail(&init->failure, "not found in PATH of the container");
    return -1;
}

int execute_program(struct init *init, const struct plan_record *step)
{
    if (init->channels.start >= 0 && look_for(init, step) < 0)
        return -1;
    if (init->wants_tty && init->tty < 0 && pty_open(init) < 0)
        return -1;
    /* Also where the program's PATH or directory is not: prepared before START. */
    if (prepare_environment(init) < 0 || verify_paths(init) < 0)
        return -1;
    sync_send(init->channels.sync, SYNC_INIT_READY, 0, -1);
    if (departure_await_start(init) < 0)
        return -1;
    if (connect_streams(init) < 0)
        return -1;
    own_streams(init);
    if (init->tty >= 0 && pty_control(init) < 0)
        return -1;
    if (place_preserved(init) < 0 || close_others(init) < 0)
        return -1;
    if (!process_limit_is_set(init->plan, RLIMIT_NOFILE))
        slots_restore_limit();
    if (!process_limit_is_set(init->plan, RLIMIT_CORE))
        lifeline_restore_core();
    if (process_limits_lower(init) < 0 || privileges_drop(init) < 0 || hook_run_start(init) < 0)
        return -1;
    if (plan_setting(init->plan, TSMAN_SET_DUMB_INIT) != NULL && dumb_init_fork(init) < 0)
        return -1;
    reset_signals();
    init->blamed = NULL;
    init->is_executing = true;
    return execute(init, step);
}
