#include "label.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "path.h"

#define PROC_ROOT_INODE 1u

/*
 * Only we may write our own attributes, so the file is opened here, in the container's /proc,
 * which something may be mounted on or in: then the kernel would be told nothing, and the
 * program would run without a label (CVE-2019-16884, CVE-2025-52881).  So the root of a procfs,
 * and from there no other mount.
 */
static int open_attribute(struct init *init, const char *name)
{
    struct statfs filesystem;
    struct stat status;
    char path[64];
    cleanup_close int proc = path_open(init->root, "/proc", PATH_NO_SYMLINKS);
    if (proc < 0)
        return -1;
    if (fstatfs(proc, &filesystem) < 0 || fstat(proc, &status) < 0)
        return -1;
    if (filesystem.f_type != PROC_SUPER_MAGIC || status.st_ino != PROC_ROOT_INODE) {
        errno = EXDEV;
        return -1;
    }
    snprintf(path, sizeof(path), "thread-self/attr/%s", name);
    return kernel_openat2(proc, path, O_WRONLY | O_CLOEXEC, 0,
                          K_RESOLVE_BENEATH | K_RESOLVE_NO_XDEV | K_RESOLVE_NO_MAGICLINKS);
}

int label_set(struct init *init, const struct plan_record *step)
{
    const char *module = step->argv[0], *label = step->argv[1];
    char text[4096];
    bool is_apparmor = strcmp(module, "apparmor") == 0;
    if (!is_apparmor && strcmp(module, "selinux") != 0)
        return fail(&init->failure, EINVAL, "set label", "%.40s", module);
    int length = snprintf(text, sizeof(text), "%s%s", is_apparmor ? "exec " : "", label);
    if (length < 0 || (size_t)length >= sizeof(text))
        return fail(&init->failure, ENAMETOOLONG, "set label", "%.40s", label);
    /* Its own directory is there since Linux 5.8, and where several modules are. */
    cleanup_close int fd = open_attribute(init, is_apparmor ? "apparmor/exec" : "exec");
    if (fd < 0 && errno == ENOENT && is_apparmor)
        fd = open_attribute(init, "exec");
    if (fd < 0)
        return fail(&init->failure, errno, "set label", "%s %s", module, label);
    if (write(fd, text, (size_t)length) != length) {
        int error = errno;
        if (error == EINVAL)
            failure_detail(&init->failure, "the kernel does not use %s", module);
        if (error == ENOENT)
            failure_detail(&init->failure, "the kernel has no such profile");
        return fail(&init->failure, error, "set label", "%s %s", module, label);
    }
    return 0;
}
