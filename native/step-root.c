#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "mounting.h"
#include "slots.h"
#include "step.h"

int step_propagation(struct init *init, const struct plan_record *step)
{
    unsigned long propagation;
    if (mounting_parse_propagation(step->argv[0], &propagation) < 0 || propagation == 0)
        return fail(&init->failure, EINVAL, "set propagation", "%s", step->argv[0]);
    if (mount(NULL, "/", NULL, propagation, NULL) < 0)
        return fail(&init->failure, errno, "set propagation", "%s on /", step->argv[0]);
    return 0;
}

/* Where mount(2) has put something on `slot`: the same path looked up again, since
   the descriptor still means what is below. */
static int reopen_mounted(struct init *init, int slot)
{
    char link[16], path[PATH_MAX];
    mounting_fd_path(link, slot);
    ssize_t length = readlinkat(init->proc_self, link, path, sizeof(path) - 1);
    if (length < 0)
        return fail(&init->failure, errno, "read link", "/proc/self/%s", link);
    path[length] = '\0';
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail(&init->failure, errno, "open", "%s", path) : fd;
}

/* lowerdir+ takes one layer a call (Linux 6.7): neither the 256 bytes of a string
   option nor the page of mount(2) limits their number. */
static int configure_overlay(struct init *init, int context, const struct plan_record *step)
{
    char path[32];
    static const char *const keys[] = {"upperdir", "workdir"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", slots_descriptor(plan_slot(step, i)));
        if (kernel_fsconfig(context, K_FSCONFIG_SET_STRING, keys[i], path, 0) < 0) {
            fail(&init->failure, errno, "set mount option", "%s", keys[i]);
            mounting_context_log(context, &init->failure);
            return -1;
        }
    }
    for (unsigned i = 3; i < step->argc; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", slots_descriptor(plan_slot(step, i)));
        if (kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "lowerdir+", path, 0) < 0) {
            if (i == 3 && errno == EINVAL)
                return MOUNTING_LEGACY;
            fail(&init->failure, errno, "set mount option", "lowerdir+ (layer %u of %u)", i - 2,
                 (unsigned)step->argc - 3);
            mounting_context_log(context, &init->failure);
            return -1;
        }
    }
    return mounting_configure(init, context, step->argv[2]);
}

static int overlay_legacy(struct init *init, const struct plan_record *step)
{
    size_t room = (size_t)sysconf(_SC_PAGESIZE), used;
    cleanup_free char *data = malloc(room);
    char target[16];
    int upper = slots_descriptor(plan_slot(step, 0)), work = slots_descriptor(plan_slot(step, 1));
    if (data == NULL)
        return fail(&init->failure, ENOMEM, "mount", "overlay");
    used = (size_t)snprintf(data, room, "upperdir=%d,workdir=%d%s%s,lowerdir=", upper, work,
                            step->argv[2][0] ? "," : "", step->argv[2]);
    for (unsigned i = 3; i < step->argc && used < room; i++)
        used += (size_t)snprintf(data + used, room - used, "%s%d", i > 3 ? ":" : "",
                                 slots_descriptor(plan_slot(step, i)));
    if (used >= room)
        return fail(&init->failure, E2BIG, "mount",
                    "overlay: options of %u layers exceed one page of mount(2)",
                    (unsigned)step->argc - 3);
    /* The shortest names that there are: the working directory is /proc/self/fd. */
    cleanup_close int names = openat(init->proc_self, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (names < 0 || fchdir(names) < 0)
        return fail(&init->failure, errno, "chdir", "/proc/self/fd");
    snprintf(target, sizeof(target), "%d", upper);
    if (mount("overlay", target, "overlay", 0, data) < 0)
        return fail(&init->failure, errno, "mount", "overlay");
    init->new_root = reopen_mounted(init, upper);
    return init->new_root < 0 ? -1 : 0;
}

int step_root_overlay(struct init *init, const struct plan_record *step)
{
    cleanup_close int context = kernel_fsopen("overlay");
    if (context < 0 && errno == ENOSYS)
        return overlay_legacy(init, step);
    if (context < 0)
        return fail(&init->failure, errno, "mount", "file system type overlay");
    kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "source", "overlay", 0);
    int configured = configure_overlay(init, context, step);
    if (configured == MOUNTING_LEGACY)
        return overlay_legacy(init, step);
    if (configured < 0)
        return -1;
    cleanup_close int mounted = -1;
    if (kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mounted = kernel_fsmount(context, 0);
    if (mounted < 0) {
        fail(&init->failure, errno, "mount", "overlay");
        mounting_context_log(context, &init->failure);
        return -1;
    }
    /* It has to be attached somewhere: below a detached mount nothing can be
       mounted (check_mnt in fs/namespace.c).  The upper directory exists for
       certain, and the overlay holds a private mount of it. */
    if (mounting_attach(init, mounted, slots_descriptor(plan_slot(step, 0))) < 0)
        return -1;
    init->new_root = give_fd(&mounted);
    return 0;
}

int step_root_bind(struct init *init, const struct plan_record *step)
{
    int slot = slots_descriptor(plan_slot(step, 0));
    char path[16];
    cleanup_close int tree = kernel_open_tree(slot, "", K_OPEN_TREE_CLONE | K_AT_RECURSIVE);
    if (tree >= 0) {
        if (mounting_attach(init, tree, slot) < 0)
            return -1;
        init->new_root = give_fd(&tree);
        return 0;
    }
    if (errno != ENOSYS)
        return fail(&init->failure, errno, "clone mount", "slot %s", step->argv[0]);
    mounting_fd_path(path, slot);
    if (mounting_enter_proc(init) < 0)
        return -1;
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        return fail(&init->failure, errno, "bind", "slot %s", step->argv[0]);
    init->new_root = reopen_mounted(init, slot);
    return init->new_root < 0 ? -1 : 0;
}

int step_enter_root(struct init *init)
{
    init->old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (init->old_root < 0)
        return fail(&init->failure, errno, "open", "/");
    if (fchdir(init->new_root) < 0 || chroot(".") < 0)
        return fail(&init->failure, errno, "chroot", "new root");
    init->root = give_fd(&init->new_root);
    return 0;
}

static bool is_same_directory(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int step_pivot(struct init *init)
{
    /* pivot_root(2) refuses a new root that is the current one (EBUSY). */
    if (fchdir(init->old_root) < 0 || chroot(".") < 0)
        return fail(&init->failure, errno, "chroot", "old root");
    if (fchdir(init->root) < 0)
        return fail(&init->failure, errno, "chdir", "new root");
    /* "." for both: the old root is then mounted on top of the new one, and no
       directory for it is needed (pivot_root(2), NOTES). */
    if (kernel_pivot_root(".", ".") < 0)
        return fail(&init->failure, errno, "pivot_root", "new root");
    if (fchdir(init->old_root) < 0)
        return fail(&init->failure, errno, "chdir", "old root");
    /* So that the unmount does not propagate to the host. */
    if (mount(NULL, ".", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail(&init->failure, errno, "set propagation", "rslave on the old root");
    if (umount2(".", MNT_DETACH) < 0)
        return fail(&init->failure, errno, "unmount", "old root");
    if (chdir("/") < 0)
        return fail(&init->failure, errno, "chdir", "/");
    if (!is_same_directory(init->root, "/") || !is_same_directory(init->root, "..") ||
        is_same_directory(init->old_root, "/"))
        return fail(&init->failure, EXDEV, "verify", "root after pivot_root");
    /* Nothing of the host is held from here on (CVE-2024-21626). */
    drop_fd(&init->old_root);
    drop_fd(&init->proc_self);
    return 0;
}

int step_root_readonly(struct init *init)
{
    struct kernel_mount_attr attr = {.set = K_ATTR_RDONLY};
    cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail(&init->failure, errno, "open", "/");
    if (kernel_mount_setattr(root, 0, &attr) == 0)
        return 0;
    if (errno != ENOSYS || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        return fail(&init->failure, errno, "remount read-only", "/");
    return 0;
}
