#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kernel.h"
#include "memory.h"

#define MAX_LINKS 40
#define MAX_DEPTH 256
/* openat2 gives EAGAIN when a directory on the way is renamed meanwhile. */
#define MAX_RACES 32

static int open_in_root(int root, const char *path, int open_flags, unsigned flags)
{
    static bool missing;
    uint64_t resolve = K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS;
    if (flags & PATH_NO_SYMLINKS)
        resolve |= K_RESOLVE_NO_SYMLINKS;
    errno = ENOSYS;
    int fd = -1;
    for (int race = 0; race < MAX_RACES && !missing; race++) {
        fd = kernel_openat2(root, path, (uint64_t)open_flags | O_CLOEXEC, 0, resolve);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    if (fd < 0 && errno == ENOSYS)
        missing = true;
    return fd;
}

/*
 * The walk: a stack of open directories, so that ".." goes back to a directory
 * that was passed on the way down, whatever is renamed meanwhile, and never
 * above the root.
 */
struct walk {
    int stack[MAX_DEPTH];
    int depth; /* stack[depth] is the current directory; stack[0] is a copy of the root */
    int links;
    char rest[PATH_MAX]; /* what is still to be walked */
};

static void walk_release(struct walk *walk)
{
    for (int i = 0; i <= walk->depth; i++)
        close(walk->stack[i]);
    walk->depth = -1;
}

static int walk_begin(struct walk *walk, int root, const char *path)
{
    walk->depth = -1;
    walk->links = 0;
    size_t length = strlen(path);
    if (length >= sizeof(walk->rest)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(walk->rest, path, length + 1);
    int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    walk->stack[++walk->depth] = fd;
    return 0;
}

static int walk_push(struct walk *walk, int fd)
{
    if (walk->depth + 1 >= MAX_DEPTH) {
        close(fd);
        errno = ENAMETOOLONG;
        return -1;
    }
    walk->stack[++walk->depth] = fd;
    return 0;
}

static void walk_up_to(struct walk *walk, int depth)
{
    while (walk->depth > depth)
        close(walk->stack[walk->depth--]);
}

/* Takes the next component off the path; false at its end. */
static bool walk_component(struct walk *walk, char *name, bool *last)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(start, "/");
    if (length == 0)
        return false;
    if (length > NAME_MAX)
        length = NAME_MAX + 1; /* openat will say ENAMETOOLONG */
    memcpy(name, start, length);
    name[length] = '\0';
    start += strcspn(start, "/");
    start += strspn(start, "/");
    *last = *start == '\0';
    memmove(walk->rest, start, strlen(start) + 1);
    return true;
}

/* `link` was found in the current directory: its text goes before the rest. */
static int walk_link(struct walk *walk, int link, unsigned flags)
{
    struct statfs filesystem;
    char text[PATH_MAX];
    if ((flags & PATH_NO_SYMLINKS) || ++walk->links > MAX_LINKS) {
        errno = ELOOP;
        return -1;
    }
    /* Magic links cannot be told from textual ones here, so none of /proc. */
    if (fstatfs(link, &filesystem) < 0)
        return -1;
    if (filesystem.f_type == PROC_SUPER_MAGIC) {
        errno = ELOOP;
        return -1;
    }
    ssize_t length = readlinkat(link, "", text, sizeof(text));
    if (length < 0)
        return -1;
    size_t rest = strlen(walk->rest);
    if ((size_t)length + 1 + rest + 1 > sizeof(walk->rest)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memmove(walk->rest + length + 1, walk->rest, rest + 1);
    memcpy(walk->rest, text, (size_t)length);
    walk->rest[length] = '/';
    if (text[0] == '/')
        walk_up_to(walk, 0);
    return 0;
}

struct walk_wish {
    enum path_kind make; /* PATH_ANY: a missing component is ENOENT */
    mode_t mode;
    int open_flags; /* of the last component; 0: O_PATH */
};

static int walk_make(int directory, const char *name, enum path_kind kind, mode_t mode)
{
    if (kind == PATH_DIRECTORY)
        return mkdirat(directory, name, mode) < 0 && errno != EEXIST ? -1 : 0;
    cleanup_close int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    return fd < 0 && errno != EEXIST ? -1 : 0;
}

/* One step; returns 1 when the walk is complete and *result is the descriptor. */
static int walk_step(struct walk *walk, const struct walk_wish *wish, unsigned flags, int *result)
{
    char name[NAME_MAX + 2];
    bool last;
    if (!walk_component(walk, name, &last)) {
        *result = fcntl(walk->stack[walk->depth], F_DUPFD_CLOEXEC, 3);
        return *result < 0 ? -1 : 1;
    }
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        walk_up_to(walk, walk->depth > 0 ? walk->depth - 1 : 0);
        return 0;
    }
    int here = walk->stack[walk->depth];
    cleanup_close int fd = openat(here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && wish->make != PATH_ANY) {
        bool leaf = last && wish->make == PATH_FILE;
        if (walk_make(here, name, leaf ? PATH_FILE : PATH_DIRECTORY, last ? wish->mode : 0755) < 0)
            return -1;
        fd = openat(here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return -1;
    if (S_ISLNK(status.st_mode))
        return walk_link(walk, fd, flags);
    if (last && wish->open_flags != 0) {
        if (!S_ISREG(status.st_mode)) {
            errno = EINVAL;
            return -1;
        }
        *result = openat(here, name, wish->open_flags | O_NOFOLLOW | O_CLOEXEC);
        return *result < 0 ? -1 : 1;
    }
    if (last) {
        *result = give_fd(&fd);
        return 1;
    }
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return walk_push(walk, give_fd(&fd));
}

static int walk_path(int root, const char *path, const struct walk_wish *wish, unsigned flags)
{
    struct walk walk;
    int result = -1;
    if (walk_begin(&walk, root, path) < 0)
        return -1;
    int done;
    do {
        done = walk_step(&walk, wish, flags, &result);
    } while (done == 0);
    int error = errno;
    walk_release(&walk);
    errno = error;
    return done < 0 ? -1 : result;
}

int path_open(int root, const char *path, unsigned flags)
{
    static const struct walk_wish existing = {PATH_ANY, 0, 0};
    int fd = open_in_root(root, path, O_PATH, flags);
    if (fd < 0 && (errno == ENOSYS || errno == EAGAIN))
        fd = walk_path(root, path, &existing, flags);
    return fd;
}

int path_open_regular(int root, const char *path, int open_flags)
{
    struct stat before, after;
    cleanup_close int found = path_open(root, path, 0);
    if (found < 0 || fstat(found, &before) < 0)
        return -1;
    if (!S_ISREG(before.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    open_flags |= O_NOCTTY | O_NONBLOCK;
    const struct walk_wish wish = {PATH_ANY, 0, open_flags};
    cleanup_close int fd = open_in_root(root, path, open_flags, 0);
    if (fd < 0 && (errno == ENOSYS || errno == EAGAIN))
        fd = walk_path(root, path, &wish, 0);
    if (fd < 0 || fstat(fd, &after) < 0)
        return -1;
    if (!S_ISREG(after.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return give_fd(&fd);
}

/* What comes before the last component, and that one; EINVAL where it is `.` or `..`. */
static int split(const char *path, char parent[PATH_MAX], char *name)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t size = length - start;
    bool dots = (size == 1 && path[start] == '.') ||
                (size == 2 && path[start] == '.' && path[start + 1] == '.');
    if (size == 0 || dots) {
        errno = EINVAL;
        return -1;
    }
    if (size > NAME_MAX || start + 2 > PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, path + start, size);
    name[size] = '\0';
    memcpy(parent, start == 0 ? "." : path, start == 0 ? 1 : start);
    parent[start == 0 ? 1 : start] = '\0';
    return 0;
}

/* The usual case of path_ensure(): all but the last component is there.  -1 for any other,
   and for a link that has no target, which is the walk's. */
static int make_last(int root, const char *path, enum path_kind kind, mode_t mode, unsigned flags)
{
    char parent[PATH_MAX], name[NAME_MAX + 1];
    struct stat status;
    if (split(path, parent, name) < 0)
        return -1;
    cleanup_close int directory = open_in_root(root, parent, O_PATH | O_DIRECTORY, flags);
    if (directory < 0 || walk_make(directory, name, kind, mode) < 0)
        return -1;
    cleanup_close int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0 || S_ISLNK(status.st_mode))
        return -1;
    return give_fd(&fd);
}

int path_ensure(int root, const char *path, enum path_kind kind, mode_t mode, unsigned flags)
{
    const struct walk_wish wish = {kind, mode, 0};
    cleanup_close int fd = path_open(root, path, flags);
    if (fd < 0 && errno == ENOENT && kind != PATH_ANY) {
        fd = make_last(root, path, kind, mode, flags);
        if (fd < 0)
            fd = walk_path(root, path, &wish, flags);
    }
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return -1;
    if (kind == PATH_DIRECTORY && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    if (kind == PATH_FILE && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    return give_fd(&fd);
}

int path_ensure_parent(int root, const char *path, char *name, unsigned flags)
{
    char parent[PATH_MAX];
    if (split(path, parent, name) < 0)
        return -1;
    return path_ensure(root, parent, PATH_DIRECTORY, 0755, flags);
}
