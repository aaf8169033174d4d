#include "rmtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"

/* Of the path in messages; the tree itself may be deeper. */
#define MAX_NAME 4096

/* Over one directory: somebody who does not know yet that it goes may be writing there, such
   as a start that is about to find its container's lock taken. */
#define MAX_PASSES 100

/* Levels of one pass, each a descriptor and stack.  What lies deeper is moved to the top, for the
   next pass: a container makes tens of thousands. */
#define MAX_DEPTH 200
/* Of these in all, some seconds: somebody may be making more. */
#define MAX_MOVED 10000000

struct removal {
    dev_t device;
    uint64_t mount;
    int top;        /* the directory that is to go */
    unsigned moved; /* how many directories were moved there … */
    uint64_t batch; /* … by names that nobody can know, and have there, before */
    bool has_mount; /* Linux 5.8 */
    bool failed, quiet;
    char path[MAX_NAME];
    size_t length;
};

static void report(struct removal *removal, const char *operation, int error)
{
    if (!removal->failed && !removal->quiet)
        fprintf(stderr, "tsman-native: rmtree: %s %.*s: %s (errno %d)\n", operation,
                (int)removal->length, removal->path, strerror(error), error);
    removal->failed = true;
}

static size_t path_append(struct removal *removal, const char *name)
{
    size_t before = removal->length, room = sizeof(removal->path) - removal->length;
    int added = snprintf(removal->path + before, room, "/%s", name);
    removal->length += (size_t)added < room ? (size_t)added : room - 1;
    return before;
}

/* EXDEV where something is mounted, also of the same device (a bind mount). */
static int check_place(const struct removal *removal, int fd)
{
    struct stat status;
    uint64_t mount;
    if (fstat(fd, &status) < 0)
        return -1;
    if (status.st_dev == removal->device &&
        (!removal->has_mount || (kernel_mount_id(fd, &mount) == 0 && mount == removal->mount)))
        return 0;
    errno = EXDEV;
    return -1;
}

/* A directory without r or x for its owner: images have them. */
static int make_readable(const struct removal *removal, int parent, const char *name)
{
    cleanup_close int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char path[32];
    if (fd < 0 || check_place(removal, fd) < 0)
        return -1;
    /* What was checked, and not what has its name by now; chmod(2) takes no O_PATH. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return chmod(path, 0700);
}

/* Each time anew: something may have been mounted there since the last. */
static int open_directory(const struct removal *removal, int parent, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    cleanup_close int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && make_readable(removal, parent, name) == 0)
        fd = openat(parent, name, flags);
    return fd < 0 || check_place(removal, fd) < 0 ? -1 : give_fd(&fd);
}

static bool may_change(int directory)
{
    struct stat status;
    if (fstat(directory, &status) < 0)
        return false;
    return (status.st_mode & 0700) == 0700 || fchmod(directory, 0700) == 0;
}

/* Nobody is asked: what is there already keeps its name, and the next number is tried. */
static bool move_to_top(struct removal *removal, int parent, const char *name)
{
    for (int left = MAX_PASSES; left > 0; left--) {
        char free_name[48];
        snprintf(free_name, sizeof(free_name), ".tsman-removed-%016" PRIx64 "-%u", removal->batch,
                 removal->moved++);
        if (renameat(parent, name, removal->top, free_name) == 0)
            return true;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            break;
    }
    return false;
}

static void remove_entry(struct removal *removal, int parent, const char *name, bool is_directory,
                         int depth);

static void remove_contents(struct removal *removal, int fd, int depth)
{
    /* Makes w and x sure once, instead of a retry for each entry. */
    may_change(fd);
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        report(removal, "read", errno);
        close(fd);
        return;
    }
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        remove_entry(removal, dirfd(directory), entry->d_name, entry->d_type == DT_DIR, depth + 1);
        errno = 0;
    }
    if (errno != 0)
        report(removal, "read", errno);
    closedir(directory);
}

static void remove_directory(struct removal *removal, int parent, const char *name, int depth)
{
    /* An empty one needs no look inside. */
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES && errno != EPERM) {
        report(removal, "remove", errno);
        return;
    }
    for (int left = MAX_PASSES;; left--) {
        int fd = open_directory(removal, parent, name);
        unsigned moved = removal->moved;
        if (fd < 0) {
            if (errno != ENOENT)
                report(removal, errno == EXDEV ? "enter mount point" : "open", errno);
            return;
        }
        if (depth == 0)
            removal->top = fd;
        if (depth == MAX_DEPTH) {
            /* One that is moved has to be writable, since its `..` changes. */
            if (!may_change(fd) || !move_to_top(removal, parent, name))
                report(removal, "move", errno);
            close(fd);
            return;
        }
        remove_contents(removal, fd, depth);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return;
        if (depth == 0 && removal->moved != moved && removal->moved < MAX_MOVED)
            left = MAX_PASSES;
        /* What cannot be removed would not go the next time either. */
        if (removal->failed || left == 0 || errno != ENOTEMPTY)
            break;
    }
    report(removal, "remove", errno);
}

static void remove_entry(struct removal *removal, int parent, const char *name, bool is_directory,
                         int depth)
{
    size_t before = path_append(removal, name);
    if (!is_directory && unlinkat(parent, name, 0) < 0) {
        /* d_type may be unknown. */
        if (errno == EISDIR || errno == EPERM)
            is_directory = true;
        else if (errno != ENOENT)
            report(removal, "remove", errno);
    }
    if (is_directory)
        remove_directory(removal, parent, name, depth);
    removal->length = before;
    removal->path[before] = '\0';
}

static bool remove_at(int parent, const char *path, bool quiet)
{
    static struct removal removal;
    struct stat status;
    memset(&removal, 0, sizeof(removal));
    removal.quiet = quiet;
    getrandom(&removal.batch, sizeof(removal.batch), GRND_NONBLOCK);
    removal.length = (size_t)snprintf(removal.path, sizeof(removal.path), "%s", path);
    if (removal.length >= sizeof(removal.path))
        removal.length = sizeof(removal.path) - 1;
    cleanup_close int fd = openat(parent, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        if (errno == ENOENT)
            return true;
        report(&removal, "stat", errno);
        return false;
    }
    removal.device = status.st_dev;
    removal.has_mount = kernel_mount_id(fd, &removal.mount) == 0;
    if (S_ISDIR(status.st_mode))
        remove_directory(&removal, parent, path, 0);
    else if (unlinkat(parent, path, 0) < 0 && errno != ENOENT)
        report(&removal, "remove", errno);
    return !removal.failed;
}

bool rmtree_at(int parent, const char *path)
{
    return remove_at(parent, path, false);
}

bool rmtree_quietly(const char *path)
{
    return remove_at(AT_FDCWD, path, true);
}

int rmtree_main(char **paths)
{
    /* One descriptor a level. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    bool fine = true;
    for (; *paths != NULL; paths++) {
        if (!rmtree_at(AT_FDCWD, *paths))
            fine = false;
    }
    return fine ? 0 : 1;
}
