#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "process-stat.h"
#include "proto.h"

void rundir_init(struct rundir *rundir)
{
    rundir->directory = rundir->lock = rundir->control = -1;
}

static int write_text(int directory, const char *name, const char *text, mode_t mode)
{
    unlinkat(directory, name, 0);
    cleanup_close int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    /* By the descriptor: a link that takes its name is somebody else's. */
    if (fd < 0 || fchmod(fd, mode) < 0)
        return -1;
    ssize_t written = write(fd, text, length);
    if (written >= 0 && (size_t)written < length)
        errno = ENOSPC;
    return written == (ssize_t)length ? 0 : -1;
}

/* A temporary file and rename(2): readers see the old file or the whole new one. */
static int replace_file(const char *path, const char *text, mode_t mode)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof(temporary), "%s.%d~", path, (int)getpid()) >=
        (int)sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (write_text(AT_FDCWD, temporary, text, mode) < 0 || rename(temporary, path) < 0) {
        int error = errno;
        unlink(temporary);
        errno = error;
        return -1;
    }
    return 0;
}

static int write_identity(const struct rundir *rundir, const char *name, pid_t pid,
                          uint64_t start_time, struct failure *failure)
{
    char text[64];
    char temporary[32];
    snprintf(text, sizeof(text), "%d %llu\n", (int)pid, (unsigned long long)start_time);
    snprintf(temporary, sizeof(temporary), "%s~", name);
    /* Nobody finds none, or half of one, between two. */
    if (write_text(rundir->directory, temporary, text, 0600) < 0 ||
        renameat(rundir->directory, temporary, rundir->directory, name) < 0)
        return fail(failure, errno, "write", "run directory: %s", name);
    return 0;
}

/* Whoever removes a container unlinks its lock while holding it: a lock on a file
   that nobody else will ever find is none. */
static int still_there(const struct rundir *rundir)
{
    struct stat ours, there;
    return fstat(rundir->lock, &ours) == 0 &&
           fstatat(rundir->directory, "lock", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

int rundir_open(struct rundir *rundir, const char *path, struct failure *failure)
{
    rundir->directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (rundir->directory < 0)
        return fail(failure, errno, "open", "%s", path);
    rundir->lock =
        openat(rundir->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (rundir->lock < 0)
        return fail(failure, errno, "open", "%s/lock", path);
    bool locked = flock(rundir->lock, LOCK_EX | LOCK_NB) == 0;
    if (!locked || !still_there(rundir)) {
        int error = locked ? EWOULDBLOCK : errno;
        /* Another monitor's files are not ours to remove. */
        drop_fd(&rundir->lock);
        drop_fd(&rundir->directory);
        return fail(failure, error, "lock", "%s/lock", path);
    }
    unlinkat(rundir->directory, "initialized", 0);
    unlinkat(rundir->directory, "failed", 0);
    unlinkat(rundir->directory, "control", 0);
    if (mkfifoat(rundir->directory, "control", 0600) < 0)
        return fail(failure, errno, "make fifo", "%s/control", path);
    /* Reading and writing: there is no end of file between two writers. */
    rundir->control =
        openat(rundir->directory, "control", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (rundir->control < 0)
        return fail(failure, errno, "open", "%s/control", path);
    return write_identity(rundir, "monitor", getpid(), process_start_time(getpid()), failure);
}

int rundir_write_init(const struct rundir *rundir, pid_t pid, uint64_t start_time,
                      struct failure *failure)
{
    if (rundir->directory < 0)
        return 0;
    return write_identity(rundir, "init", pid, start_time, failure);
}

void rundir_begin_restart(const struct rundir *rundir)
{
    if (rundir->directory < 0)
        return;
    unlinkat(rundir->directory, "init", 0);
    (void)!write_text(rundir->directory, "restart", "", 0600);
}

int rundir_begin_stay(const struct rundir *rundir, const char *text, struct failure *failure)
{
    if (rundir->directory >= 0 && write_text(rundir->directory, "initialized", text, 0600) < 0)
        return fail(failure, errno, "write", "run directory: initialized");
    return 0;
}

void rundir_end_stay(const struct rundir *rundir)
{
    if (rundir->directory >= 0)
        unlinkat(rundir->directory, "initialized", 0);
}

void rundir_write_failed(const struct rundir *rundir, const struct failure *why)
{
    uint8_t frame[PROTO_FAILED_MAX];
    size_t size = proto_failed_frame(frame, why);
    if (rundir->directory < 0)
        return;
    unlinkat(rundir->directory, "failed", 0);
    cleanup_close int fd = openat(rundir->directory, "failed",
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)!write(fd, frame, size);
}

void rundir_leave_restart(const struct rundir *rundir)
{
    if (rundir->directory < 0)
        return;
    unlinkat(rundir->directory, "attach", 0);
    unlinkat(rundir->directory, "control", 0);
    unlinkat(rundir->directory, "restart", 0);
}

void rundir_clear(const struct rundir *rundir, int all)
{
    if (rundir->directory < 0)
        return;
    unlinkat(rundir->directory, "attach", 0);
    unlinkat(rundir->directory, "control", 0);
    unlinkat(rundir->directory, "init", 0);
    unlinkat(rundir->directory, "initialized", 0);
    unlinkat(rundir->directory, "restart", 0);
    unlinkat(rundir->directory, "start", 0);
    unlinkat(rundir->directory, "monitor", 0);
    if (all) {
        unlinkat(rundir->directory, "health", 0);
        unlinkat(rundir->directory, "lock", 0);
    }
}

int rundir_write_pid_file(const char *path, pid_t pid, struct failure *failure)
{
    char text[32];
    snprintf(text, sizeof(text), "%d\n", (int)pid);
    if (replace_file(path, text, 0644) < 0)
        return fail(failure, errno, "write pid file", "%s", path);
    return 0;
}

int rundir_write_exit_file(const char *path, int status, enum oom oom, bool restart)
{
    static const char *const oom_words[] = {"0", "1", "unknown"};
    char text[200];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + signal;
    snprintf(text, sizeof(text), "status %d\nsignal %d\ncore %d\noom %s\nfinished %lld.%09ld\n%s",
             code, signal, WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0, oom_words[oom],
             (long long)now.tv_sec, now.tv_nsec, restart ? "restart 1\n" : "");
    return replace_file(path, text, 0600);
}
