#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "memory.h"
#include "rmtree.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define MAX_DEPTH 256 /* one or two descriptors a level */

/* File capabilities among them.  What the target does not take (a tmpfs before
   Linux 6.6 has no user.*) is left out; overlay's own are not contents. */
static void copy_xattrs(int from, int to)
{
    char names[4096], value[4096];
    ssize_t length = flistxattr(from, names, sizeof(names));
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
        if (strncmp(names + at, "user.overlay.", 13) == 0)
            continue;
        ssize_t size = fgetxattr(from, names + at, value, sizeof(value));
        if (size >= 0)
            (void)fsetxattr(to, names + at, value, (size_t)size, 0);
    }
}

/* Of a file or directory, by its descriptor: where it is copied to another container may write, and
   fchmodat(2) would follow a link that has taken its place out of our root. */
static int copy_attributes(int from, int to, const struct stat *status)
{
    struct timespec times[2] = {status->st_atim, status->st_mtim};
    if (fchown(to, status->st_uid, status->st_gid) < 0)
        return -1;
    /* After chown, which removes file capabilities and clears the setuid bit (chown(2)). */
    copy_xattrs(from, to);
    if (fchmod(to, status->st_mode & 07777) < 0)
        return -1;
    return futimens(to, times);
}

/* Of a link or a FIFO that was just made, by its descriptor: a file that has taken its name, and
   may have others, is nobody's to give away. */
static int copy_owner(int to, const char *name, const struct stat *status)
{
    struct timespec times[2] = {status->st_atim, status->st_mtim};
    struct stat made;
    cleanup_close int fd = openat(to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &made) < 0)
        return -1;
    if ((made.st_mode & S_IFMT) != (status->st_mode & S_IFMT) || made.st_nlink != 1) {
        errno = EEXIST;
        return -1;
    }
    if (fchownat(fd, "", status->st_uid, status->st_gid, AT_EMPTY_PATH) < 0)
        return -1;
    /* By the name on kernels before 5.8 (utimensat(2)): only times. */
    if (utimensat(fd, "", times, AT_EMPTY_PATH) == 0 || errno != EINVAL)
        return 0;
    return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_fifo(int to, const char *name, mode_t mode)
{
    mode_t before = umask(0);
    int result = mkfifoat(to, name, mode & 07777);
    umask(before);
    return result;
}

/* Copies what lies from `start` to `end`: 0, or -1 and errno. */
static int copy_range(int source, int target, off_t start, off_t end)
{
    if (lseek(source, start, SEEK_SET) < 0 || lseek(target, start, SEEK_SET) < 0)
        return -1;
    for (off_t left = end - start; left > 0;) {
        ssize_t sent = sendfile(target, source, NULL, (size_t)left);
        if (sent < 0)
            return -1;
        if (sent == 0)
            break;
        left -= sent;
    }
    return 0;
}

/* Shares the blocks where the file system can (ioctl_ficlone(2)), else copies all
   but the holes (lseek(2)). */
static int copy_bytes(int source, int target, off_t size)
{
    if (ioctl(target, FICLONE, source) == 0)
        return 0;
    for (off_t at = 0; at < size;) {
        off_t data = lseek(source, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        /* A file system without such knowledge: all of it. */
        off_t hole = data < 0 ? size : lseek(source, data, SEEK_HOLE);
        if (hole < 0)
            hole = size;
        if (copy_range(source, target, data < 0 ? at : data, hole) < 0)
            return -1;
        at = hole;
    }
    return ftruncate(target, size);
}

static int copy_file(int from, int to, const char *name, const struct stat *status)
{
    cleanup_close int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    cleanup_close int target =
        openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (source < 0 || target < 0)
        return -1;
    if (copy_bytes(source, target, status->st_size) < 0)
        return -1;
    return copy_attributes(source, target, status);
}

static int copy_link(int from, int to, const char *name)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(from, name, text, sizeof(text) - 1);
    if (length < 0)
        return -1;
    text[length] = '\0';
    return symlinkat(text, to, name);
}

/* Whether an overlay would hide what lies below this directory. */
static bool is_opaque(int parent, const char *name)
{
    cleanup_close int directory =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char value = '\0';
    return directory >= 0 && fgetxattr(directory, "user.overlay.opaque", &value, 1) == 1 &&
           value == 'y';
}

/* Makes room for `name` of the upper tree: 1 if a directory stays to be merged
   into, 0 if nothing is left there. */
static int make_room(int from, int to, const char *name, mode_t mode)
{
    struct stat below;
    if (fstatat(to, name, &below, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (S_ISDIR(mode) && S_ISDIR(below.st_mode) && !is_opaque(from, name))
        return 1;
    if (rmtree_at(to, name))
        return 0;
    errno = EIO;
    return -1;
}

static int copy_directory(int from, int to, int depth, bool merge);

static int copy_below(int from, int to, const char *name, const struct stat *status, int depth,
                      bool merge)
{
    cleanup_close int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_close int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || target < 0 || copy_directory(source, target, depth + 1, merge) < 0)
        return -1;
    return copy_attributes(source, target, status);
}

static int copy_entry(int from, int to, const char *name, int depth, bool merge)
{
    struct stat status;
    int is_there = 0;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (merge && (is_there = make_room(from, to, name, status.st_mode)) < 0)
        return -1;
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
        return copy_file(from, to, name, &status);
    case S_IFLNK:
        return copy_link(from, to, name) < 0 ? -1 : copy_owner(to, name, &status);
    case S_IFIFO:
        return copy_fifo(to, name, status.st_mode) < 0 ? -1 : copy_owner(to, name, &status);
    case S_IFDIR:
        if (!is_there && mkdirat(to, name, 0700) < 0)
            return -1;
        return copy_below(from, to, name, &status, depth, merge);
    default:
        return 0;
    }
}

static int copy_directory(int from, int to, int depth, bool merge)
{
    if (depth > MAX_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    int listed = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = listed < 0 ? NULL : fdopendir(listed);
    if (directory == NULL) {
        if (listed >= 0)
            close(listed);
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = copy_entry(from, to, entry->d_name, depth, merge);
    }
    int error = errno;
    closedir(directory);
    errno = error;
    return result;
}

int tree_copy(int from, int to)
{
    return copy_directory(from, to, 0, false);
}

int tree_merge(int from, int to)
{
    return copy_directory(from, to, 0, true);
}

static int chown_one(int directory, const char *name, int flags, const struct stat *status,
                     uid_t uid, gid_t gid)
{
    if (status->st_uid == uid && status->st_gid == gid)
        return 0;
    return fchownat(directory, name, uid, gid, flags);
}

static int chown_contents(int directory, dev_t device, uid_t uid, gid_t gid, int depth);

static int chown_entry(int parent, const char *name, dev_t device, uid_t uid, gid_t gid, int depth)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (status.st_dev != device)
        return 0;
    if (S_ISDIR(status.st_mode)) {
        cleanup_close int inner =
            openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0 || chown_contents(inner, device, uid, gid, depth + 1) < 0)
            return -1;
    }
    return chown_one(parent, name, AT_SYMLINK_NOFOLLOW, &status, uid, gid);
}

static int chown_contents(int directory, dev_t device, uid_t uid, gid_t gid, int depth)
{
    if (depth > MAX_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    int listed = fcntl(directory, F_DUPFD_CLOEXEC, 3);
    DIR *entries = listed < 0 ? NULL : fdopendir(listed);
    if (entries == NULL) {
        if (listed >= 0)
            close(listed);
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = chown_entry(directory, entry->d_name, device, uid, gid, depth);
    }
    int error = errno;
    closedir(entries);
    errno = error;
    return result;
}

int tree_chown(int top, uid_t uid, gid_t gid)
{
    struct stat status;
    if (fstat(top, &status) < 0)
        return -1;
    if (S_ISDIR(status.st_mode)) {
        cleanup_close int directory = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0 || chown_contents(directory, status.st_dev, uid, gid, 0) < 0)
            return -1;
    }
    return chown_one(top, "", AT_EMPTY_PATH, &status, uid, gid);
}
