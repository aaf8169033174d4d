#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "path.h"
#include "slots.h"
#include "step.h"
#include "tree.h"

int step_mkdir(struct init *init, const struct plan_record *step)
{
    char name[NAME_MAX + 1];
    const char *path = step->argv[0];
    cleanup_close int existing = path_open(init->root, path, 0);
    if (existing >= 0)
        return 0;
    mode_t mode = (mode_t)plan_octal(step, 1);
    cleanup_close int parent = path_ensure_parent(init->root, path, name, 0);
    if (parent < 0)
        return fail(&init->failure, errno, "make directory", "%s", path);
    if (mkdirat(parent, name, mode) < 0) {
        /* A link that points nowhere: its target is made instead. */
        cleanup_close int made =
            errno == EEXIST ? path_ensure(init->root, path, PATH_DIRECTORY, mode, 0) : -1;
        return made < 0 ? fail(&init->failure, errno, "make directory", "%s", path) : 0;
    }
    cleanup_close int made = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* mkdir(2) is subject to the umask. */
    if (made < 0 || fchown(made, (uid_t)plan_number(step, 2), (gid_t)plan_number(step, 3)) < 0 ||
        fchmod(made, mode) < 0)
        return fail(&init->failure, errno, "make directory", "%s", path);
    return 0;
}

/* A convenience, not worth a failed start: the image's own link stays, a root that is
   read-only, or has no such directory, goes without. */
static int symlink_if_missing(const struct init *init, const char *target, const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || slash - path >= (int)sizeof(directory))
        return 0;
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = '\0';
    cleanup_close int parent = path_open(init->root, directory, 0);
    if (parent >= 0)
        (void)!symlinkat(target, parent, slash + 1);
    return 0;
}

static mode_t node_type(const char *word)
{
    switch (word[0]) {
    case 'c':
        return S_IFCHR;
    case 'b':
        return S_IFBLK;
    case 'p':
        return S_IFIFO;
    default:
        return 0;
    }
}

int step_mknod(struct init *init, const struct plan_record *step)
{
    char name[NAME_MAX + 1];
    struct stat status;
    const char *path = step->argv[0];
    mode_t type = node_type(step->argv[1]);
    dev_t device = type == S_IFIFO
                       ? 0
                       : makedev((unsigned)plan_number(step, 2), (unsigned)plan_number(step, 3));
    if (type == 0 || step->length[1] != 1)
        return fail(&init->failure, EINVAL, "make node", "%s of type %.20s", path, step->argv[1]);
    cleanup_close int parent = path_ensure_parent(init->root, path, name, 0);
    if (parent < 0)
        return fail(&init->failure, errno, "make node", "%s", path);
    int made_errno = mknodat(parent, name, type | 0600, device) < 0 ? errno : 0;
    if (made_errno == EPERM)
        failure_detail(&init->failure, "in a user namespace no devices are made: bind the host's");
    if (made_errno != 0 && made_errno != EEXIST)
        return fail(&init->failure, made_errno, "make node", "%s", path);
    cleanup_close int made = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0 || fstat(made, &status) < 0)
        return fail(&init->failure, errno, "make node", "%s", path);
    if ((status.st_mode & S_IFMT) != type || (type != S_IFIFO && status.st_rdev != device))
        return fail(&init->failure, EEXIST, "make node", "%s", path);
    /* What was there may be the host's, by a mount. */
    if (made_errno == EEXIST)
        return 0;
    char link[32];
    snprintf(link, sizeof(link), "fd/%d", made);
    /* fchmod(2) takes no O_PATH, and the node must not be opened: by its name in the
       runtime's own /proc. */
    if (fchownat(made, "", (uid_t)plan_number(step, 5), (gid_t)plan_number(step, 6),
                 AT_EMPTY_PATH) < 0 ||
        fchmodat(init->proc_self, link, (mode_t)plan_octal(step, 4), 0) < 0)
        return fail(&init->failure, errno, "make node", "%s", path);
    return 0;
}

/* Left alone then: others may be starting in the same tree, which need not be writable. */
static bool is_link_to(int parent, const char *name, const char *target)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(parent, name, text, sizeof(text));
    return length >= 0 && (size_t)length == strlen(target) &&
           memcmp(text, target, (size_t)length) == 0;
}

int step_symlink(struct init *init, const struct plan_record *step)
{
    if (step->argc > 2)
        return symlink_if_missing(init, step->argv[0], step->argv[1]);
    char name[NAME_MAX + 1];
    struct stat status;
    cleanup_close int parent = path_ensure_parent(init->root, step->argv[1], name, 0);
    if (parent < 0)
        return fail(&init->failure, errno, "make symbolic link", "%s", step->argv[1]);
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISLNK(status.st_mode) || is_link_to(parent, name, step->argv[0]))
            return 0;
        if (unlinkat(parent, name, 0) < 0)
            return fail(&init->failure, errno, "replace symbolic link", "%s", step->argv[1]);
    }
    if (symlinkat(step->argv[0], parent, name) < 0)
        return fail(&init->failure, errno, "make symbolic link", "%s", step->argv[1]);
    return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int step_write_file(struct init *init, const struct plan_record *step)
{
    char name[NAME_MAX + 1];
    struct stat status;
    const char *path = step->argv[0], *flags = step->argv[3];
    mode_t mode = (mode_t)plan_octal(step, 2);
    int how = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how |= plan_has_word(flags, "create") ? O_CREAT : 0;
    how |= plan_has_word(flags, "truncate") ? O_TRUNC : 0;
    how |= plan_has_word(flags, "append") ? O_APPEND : 0;
    how |= plan_has_word(flags, "exclusive") ? O_EXCL | O_CREAT : 0;
    cleanup_close int parent = path_ensure_parent(init->root, path, name, 0);
    if (parent < 0)
        return fail(&init->failure, errno, "write", "%s", path);
    bool existed = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (existed && !S_ISREG(status.st_mode))
        return fail(&init->failure, S_ISLNK(status.st_mode) ? ELOOP : EINVAL, "write", "%s", path);
    cleanup_close int fd = openat(parent, name, how, mode);
    if (fd < 0 || fstat(fd, &status) < 0)
        return fail(&init->failure, errno, "write", "%s", path);
    if (!S_ISREG(status.st_mode))
        return fail(&init->failure, EINVAL, "write", "%s", path);
    if (write_all(fd, step->argv[1], step->length[1]) < 0 || (!existed && fchmod(fd, mode) < 0))
        return fail(&init->failure, errno, "write", "%s", path);
    return 0;
}

int step_sysctl(struct init *init, const struct plan_record *step)
{
    char path[512];
    struct statfs filesystem;
    const char *key = step->argv[0];
    /* A sysctl that is really written: not through a link, and not into a file
       that something mounted on /proc shows there (CVE-2025-52881). */
    if (strstr(key, "..") != NULL || strlen(key) + 16 > sizeof(path))
        return fail(&init->failure, EINVAL, "set sysctl", "%s", key);
    strcpy(path, "/proc/sys/");
    strcat(path, key);
    cleanup_close int place = path_open(init->root, path, PATH_NO_SYMLINKS);
    if (place < 0 || fstatfs(place, &filesystem) < 0)
        return fail(&init->failure, errno, "set sysctl", "%s", key);
    if (filesystem.f_type != PROC_SUPER_MAGIC)
        return fail(&init->failure, EXDEV, "set sysctl", "%s", key);
    cleanup_close int fd = path_open_regular(init->root, path, O_WRONLY);
    if (fd < 0 || fstatfs(fd, &filesystem) < 0)
        return fail(&init->failure, errno, "set sysctl", "%s", key);
    if (filesystem.f_type != PROC_SUPER_MAGIC)
        return fail(&init->failure, EXDEV, "set sysctl", "%s", key);
    if (write(fd, step->argv[1], step->length[1]) < 0)
        return fail(&init->failure, errno, "set sysctl", "%s=%s", key, step->argv[1]);
    return 0;
}

int step_loopback(struct init *init)
{
    struct ifreq request = {.ifr_name = "lo"};
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(&init->failure, errno, "open socket", "AF_INET");
    if (ioctl(fd, (int)SIOCGIFFLAGS, &request) < 0)
        return fail(&init->failure, errno, "read interface flags", "lo");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, (int)SIOCSIFFLAGS, &request) < 0)
        return fail(&init->failure, errno, "set interface up", "lo");
    return 0;
}

static bool is_empty(int directory)
{
    int listed = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = listed < 0 ? NULL : fdopendir(listed);
    bool empty = entries != NULL;
    const struct dirent *entry;
    while (empty && (entry = readdir(entries)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (entries != NULL)
        closedir(entries);
    else if (listed >= 0)
        close(listed);
    return empty;
}

int step_copy_up(struct init *init, const struct plan_record *step)
{
    struct stat status;
    const char *path = step->argv[0];
    int to = slots_descriptor(plan_slot(step, 1));
    cleanup_close int from = path_open(init->root, path, 0);
    if (from < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (from < 0 || fstat(from, &status) < 0)
        return fail(&init->failure, errno, "copy up", "%s", path);
    /* A volume that holds something is never written to (CVE-2020-1726). */
    if (!S_ISDIR(status.st_mode) || !is_empty(to))
        return 0;
    cleanup_close int target = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target < 0 || tree_copy(from, target) < 0 ||
        fchown(target, status.st_uid, status.st_gid) < 0 ||
        fchmod(target, status.st_mode & 07777) < 0)
        return fail(&init->failure, errno, "copy up", "%s", path);
    return 0;
}
