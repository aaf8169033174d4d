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
    int reopened = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
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

static int remount(struct init *init, const char *path, const struct mounting_flags *flags)
{
    struct statvfs present;
    unsigned long keep = 0;
    /* What the source has must be given again, or the kernel takes it as an
       attempt to clear it, which locked flags refuse. */
    if (statvfs(path, &present) == 0)
        keep = present.f_flag & ~mounting_legacy_of(flags->plain.clear) &
               (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
    unsigned long wanted = MS_REMOUNT | MS_BIND | keep | mounting_legacy_flags(flags);
    if (mount(NULL, path, NULL, wanted, NULL) < 0)
        return fail(&init->failure, errno, "remount", "%s", path);
    return 0;
}

/*
 * Without mount_setattr(2): remounts what is mounted at and, if recursive, below
 * `target`, found in mountinfo.  Paths there are relative to our root, which is the
 * container's by now.
 */
int mounting_remount_legacy(struct init *init, int target, const struct mounting_flags *flags)
{
    char link[16], place[PATH_MAX];
    mounting_fd_path(link, target);
    ssize_t length = readlinkat(init->proc_self, link, place, sizeof(place) - 1);
    if (length < 0)
        return fail(&init->failure, errno, "read link", "/proc/self/%s", link);
    place[length] = '\0';
    int fd = openat(init->proc_self, "mountinfo", O_RDONLY | O_CLOEXEC);
    FILE *table = fd < 0 ? NULL : fdopen(fd, "re");
    if (table == NULL)
        return fail(&init->failure, errno, "open", "/proc/self/mountinfo");
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    while (result == 0 && getline(&line, &room, table) > 0) {
        char point[PATH_MAX];
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
            continue;
        unescape(point);
        size_t prefix = strcmp(place, "/") == 0 ? 0 : strlen(place);
        bool same = strcmp(point, place) == 0;
        bool below = strncmp(point, place, prefix) == 0 && point[prefix] == '/';
        if (same || (below && flags->recursive && !flags->top))
            result = remount(init, point, flags);
    }
    free(line);
    fclose(table);
    if (result == 0 && flags->propagation != 0 &&
        mount(NULL, place, NULL, flags->propagation, NULL) < 0)
        return fail(&init->failure, errno, "set propagation", "%s", place);
    return result;
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
    return changes_nothing(flags) ? 0 : mounting_remount_legacy(init, target, flags);
}
