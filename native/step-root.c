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
#include "mounting-legacy.h"
#include "mounting.h"
#include "overlay.h"
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

int step_root_overlay(struct init *init, const struct plan_record *step)
{
    size_t count = step->argc - 3u;
    cleanup_free int *lowers = calloc(count ? count : 1, sizeof(int));
    if (lowers == NULL)
        return fail(&init->failure, ENOMEM, "mount", "overlay");
    for (unsigned i = 0; i < count; i++)
        lowers[i] = slots_descriptor(plan_slot(step, i + 3));
    int upper = slots_descriptor(plan_slot(step, 0));
    struct overlay overlay = {
        .upper = upper,
        .work = slots_descriptor(plan_slot(step, 1)),
        .lowers = lowers,
        .count = count,
        .options = step->argv[2],
        /* It exists for certain, and the overlay holds a private mount of it. */
        .target = upper,
        .proc_self = init->proc_self,
    };
    init->new_root = overlay_mount(&overlay, &init->failure);
    return init->new_root < 0 ? -1 : 0;
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
    init->new_root = mounting_reopen(init->proc_self, slot, &init->failure);
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
