#include "copy-up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

#define MAX_DEPTH 64

static int copy_attributes(int to, const char *name, const struct stat *status)
{
    struct timespec times[2] = {status->st_atim, status->st_mtim};
    if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    /* After chown, which clears the setuid bit (chown(2)). */
    if (!S_ISLNK(status->st_mode) && fchmodat(to, name, status->st_mode & 07777, 0) < 0)
        return -1;
    return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_file(int from, int to, const char *name, const struct stat *status)
{
    cleanup_close int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    cleanup_close int target =
        openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (source < 0 || target < 0)
        return -1;
    for (off_t left = status->st_size; left > 0;) {
        ssize_t sent = sendfile(target, source, NULL, (size_t)left);
        if (sent < 0)
            return -1;
        if (sent == 0)
            break;
        left -= sent;
    }
    return 0;
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

static int copy_directory(int from, int to, int depth);

static int copy_entry(int from, int to, const char *name, int depth)
{
    struct stat status;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISREG(status.st_mode)) {
        if (copy_file(from, to, name, &status) < 0)
            return -1;
    } else if (S_ISLNK(status.st_mode)) {
        if (copy_link(from, to, name) < 0)
            return -1;
    } else if (S_ISFIFO(status.st_mode)) {
        if (mkfifoat(to, name, 0600) < 0)
            return -1;
    } else if (S_ISDIR(status.st_mode)) {
        if (mkdirat(to, name, 0700) < 0)
            return -1;
        cleanup_close int source =
            openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_close int target =
            openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (source < 0 || target < 0 || copy_directory(source, target, depth + 1) < 0)
            return -1;
    } else {
        return 0;
    }
    return copy_attributes(to, name, &status);
}

static int copy_directory(int from, int to, int depth)
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
            result = copy_entry(from, to, entry->d_name, depth);
    }
    int error = errno;
    closedir(directory);
    errno = error;
    return result;
}

int copy_up(struct init *init, int from, int to, const char *name)
{
    struct stat status;
    if (fstat(from, &status) < 0 || copy_directory(from, to, 0) < 0)
        return fail(&init->failure, errno, "copy up", "%s", name);
    return 0;
}
