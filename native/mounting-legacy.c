#include "mounting-legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"

void mounting_fd_path(char path[16], int fd)
{
    snprintf(path, 16, "fd/%d", fd);
}

int mounting_enter_proc(struct init *init)
{
    if (init->proc_self < 0 || fchdir(init->proc_self) < 0)
        return fail(&init->failure, errno ? errno : ENOENT, "chdir", "/proc/self of the host");
    return 0;
}

void mounting_leave_proc(const struct init *init)
{
    /* The working directory means nothing until CHDIR, but it must not be one
       outside of the root. */
    if (fchdir(init->root >= 0 ? init->root : init->proc_self) < 0)
        _exit(1);
}

int mounting_reopen(int proc_self, int fd, struct failure *failure)
{
    char link[16], path[PATH_MAX];
    mounting_fd_path(link, fd);
    ssize_t length = readlinkat(proc_self, link, path, sizeof(path) - 1);
    if (length < 0)
        return fail(failure, errno, "read link", "/proc/self/%s", link);
    path[length] = '\0';
    int reopened = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return reopened < 0 ? fail(failure, errno, "open", "%s", path) : reopened;
}

int mounting_new_legacy(struct init *init, const char *type, const char *source,
                        const struct mounting_flags *flags, const char *data, int target)
{
    char path[16];
    mounting_fd_path(path, target);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(source[0] ? source : type, path, type, mounting_legacy_flags(flags), data);
    int error = errno;
    mounting_leave_proc(init);
    return done < 0 ? fail(&init->failure, error, "mount", "%s", type) : 0;
}

/* Undoes the octal escapes of proc_pid_mountinfo(5). */
static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
            *to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

/* By its descriptor: a name is somebody else's where another container may write. */
static int remount(struct init *init, int fd, const char *name, unsigned long wanted,
                   unsigned long cleared)
{
    struct statvfs present;
    unsigned long keep = 0;
    char link[16];
    /* What the source has must be given again, or the kernel takes it as an
       attempt to clear it, which locked flags refuse. */
    if (fstatvfs(fd, &present) == 0)
        keep = present.f_flag & ~cleared &
               (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
    mounting_fd_path(link, fd);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(NULL, link, NULL, MS_REMOUNT | MS_BIND | keep | wanted, NULL);
    int error = errno;
    mounting_leave_proc(init);
    return done < 0 ? fail(&init->failure, error, "remount", "%s", name) : 0;
}

static int read_place(const struct init *init, int fd, char place[PATH_MAX],
                      struct failure *failure)
{
    char link[16];
    mounting_fd_path(link, fd);
    ssize_t length = readlinkat(init->proc_self, link, place, PATH_MAX - 1);
    if (length < 0)
        return fail(failure, errno, "read link", "/proc/self/%s", link);
    place[length] = '\0';
    return 0;
}

/*
 * What is mounted below a mount, found in mountinfo.  Paths there are relative to our root, which
 * is the container's by now.
 */
static int remount_below(struct init *init, int top, const struct mounting_flags *flags)
{
    char place[PATH_MAX], after[PATH_MAX];
    if (read_place(init, top, place, &init->failure) < 0)
        return -1;
    int fd = openat(init->proc_self, "mountinfo", O_RDONLY | O_CLOEXEC);
    FILE *table = fd < 0 ? NULL : fdopen(fd, "re");
    if (table == NULL)
        return fail(&init->failure, errno, "open", "/proc/self/mountinfo");
    /* Only the top is left open for targets. */
    const struct mounting_flags closed = {.plain = flags->plain, .deep = flags->deep};
    const unsigned long wanted = mounting_legacy_flags(&closed);
    const size_t prefix = strcmp(place, "/") == 0 ? 0 : strlen(place);
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    while (result == 0 && getline(&line, &room, table) > 0) {
        char point[PATH_MAX];
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
            continue;
        unescape(point);
        if (strncmp(point, place, prefix) != 0 || point[prefix] != '/' || point[prefix + 1] == '\0')
            continue;
        cleanup_close int mount = open(point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (mount < 0 || kernel_is_mount_root(mount) == 0)
            result = fail(&init->failure, mount < 0 ? errno : ESTALE, "open mount", "%s", point);
        else
            result = remount(init, mount, point, wanted, mounting_legacy_of(flags->plain.clear));
    }
    free(line);
    fclose(table);
    if (result < 0 || read_place(init, top, after, &init->failure) < 0)
        return -1;
    return strcmp(place, after) == 0 ? 0 : fail(&init->failure, ESTALE, "remount", "%s", place);
}

int mounting_remount_legacy(struct init *init, int mounted, const struct mounting_flags *flags)
{
    char link[16];
    if (remount(init, mounted, "mount", mounting_legacy_flags(flags),
                mounting_legacy_of(flags->plain.clear)) < 0 ||
        (flags->recursive && !flags->top && remount_below(init, mounted, flags) < 0))
        return -1;
    if (flags->propagation == 0)
        return 0;
    mounting_fd_path(link, mounted);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(NULL, link, NULL, flags->propagation, NULL);
    int error = errno;
    mounting_leave_proc(init);
    return done < 0 ? fail(&init->failure, error, "set propagation", "mount") : 0;
}

static bool changes_nothing(const struct mounting_flags *flags)
{
    return flags->plain.set == 0 && flags->plain.clear == 0 && flags->propagation == 0;
}

int mounting_bind_legacy(struct init *init, int source, int target,
                         const struct mounting_flags *flags)
{
    char from[16], to[16];
    if (flags->deep.set != 0 || flags->deep.clear != 0) {
        failure_detail(&init->failure, "recursive mount options take Linux 5.12");
        return fail(&init->failure, ENOSYS, "set mount flags", "bind");
    }
    mounting_fd_path(from, source);
    mounting_fd_path(to, target);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(from, to, NULL, MS_BIND | (flags->recursive ? MS_REC : 0), NULL);
    int error = errno;
    mounting_leave_proc(init);
    if (done < 0)
        return fail(&init->failure, error, "bind", "descriptor %d", source);
    if (changes_nothing(flags))
        return 0;
    /* What is mounted on it by now. */
    cleanup_close int mounted = mounting_reopen(init->proc_self, target, &init->failure);
    if (mounted < 0)
        return -1;
    if (kernel_is_mount_root(mounted) == 0)
        return fail(&init->failure, ESTALE, "bind", "descriptor %d", source);
    return mounting_remount_legacy(init, mounted, flags);
}
