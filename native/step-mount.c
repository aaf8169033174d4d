#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "joined-proc.h"
#include "kernel.h"
#include "memory.h"
#include "mounting-legacy.h"
#include "mounting.h"
#include "overlay.h"
#include "path.h"
#include "slots.h"
#include "step.h"
#include "tree.h"

static unsigned path_flags(const char *extra)
{
    return plan_has_word(extra, "nosymlink") ? PATH_NO_SYMLINKS : 0;
}

static int parse_flags(struct init *init, const char *list, struct mounting_flags *flags)
{
    return mounting_parse_flags(list, flags) < 0
               ? fail(&init->failure, errno, "parse mount flags", "%s", list)
               : 0;
}

static void leave_unset(struct mounting_flags *flags, uint64_t attribute)
{
    flags->plain.set &= ~attribute;
    flags->deep.set &= ~attribute;
}

/* Programs trust what they find in /proc.  No plan names a target there, but a link of
   the image may lead to it (CVE-2019-16884, CVE-2025-52881). */
static bool is_in_proc(int fd)
{
    struct statfs filesystem;
    return fstatfs(fd, &filesystem) < 0 || filesystem.f_type == PROC_SUPER_MAGIC;
}

/* The target, made if missing; the failure names it as the container does. */
static int open_target(struct init *init, const char *path, enum path_kind kind, const char *extra)
{
    unsigned flags = path_flags(extra);
    cleanup_close int fd =
        path_ensure(init->root, path, kind, kind == PATH_FILE ? 0644 : 0755, flags);
    if (fd < 0)
        return fail(&init->failure, errno, "open mount target", "%s", path);
    if (!(flags & PATH_NO_SYMLINKS) && is_in_proc(fd)) {
        fail(&init->failure, EXDEV, "open mount target", "%s", path);
        failure_detail(
            &init->failure,
            "it lies in /proc, perhaps by a symbolic link, where nothing may be mounted");
        return -1;
    }
    return give_fd(&fd);
}

/* Turns what the mounting layer reports about descriptors into the step's own
   words. */
static int name_target(struct init *init, const char *what, const char *target)
{
    struct failure *failure = &init->failure;
    char inner[sizeof(failure->operation)];
    memcpy(inner, failure->operation, sizeof(inner));
    if (strcmp(inner, "mount") != 0 && strcmp(inner, "open mount target") != 0)
        failure_detail(failure, "%s: %.200s", inner, failure->object);
    if (strcmp(inner, "open mount target") == 0)
        return -1;
    struct failure named = *failure;
    named.set = 0;
    fail(&named, failure->errnum, "mount", "%s on %s", what, target);
    *failure = named;
    return -1;
}

static bool is_optional_error(int error)
{
    return error == EPERM || error == EACCES || error == ENOENT || error == ENODEV ||
           error == EINVAL || error == EBUSY;
}

/* "tmpcopyup": what the image has there goes into the tmpfs; its directory lends
   owner and mode, unless the mount has a mode of its own. */
static int copy_covered(struct init *init, const struct plan_record *step, int covered, int mount)
{
    struct stat status;
    if (tree_copy(covered, mount) < 0 || fstat(covered, &status) < 0)
        return fail(&init->failure, errno, "copy up", "%s", step->argv[2]);
    if (strstr(step->argv[4], "mode=") != NULL)
        return 0;
    if (fchownat(mount, ".", status.st_uid, status.st_gid, 0) < 0 ||
        fchmodat(mount, ".", status.st_mode & 07777, 0) < 0)
        return fail(&init->failure, errno, "copy up", "%s", step->argv[2]);
    return 0;
}

/* What was mounted a moment ago.  Not by its path, if that can be: in a directory that it shares
   another container may have exchanged it meanwhile. */
static int open_mounted(struct init *init, int mount, const char *path, const char *extra)
{
    if (mount >= 0)
        return fcntl(mount, F_DUPFD_CLOEXEC, 3);
    cleanup_close int top = path_open(init->root, path, path_flags(extra));
    /* Before Linux 5.8 nobody can tell. */
    if (top < 0 || kernel_is_mount_root(top) != 0)
        return give_fd(&top);
    errno = ESTALE;
    return -1;
}

/* "writable": targets of later mounts are made in it.  The mount that is made read-only after them
   is this one, by its descriptor: whoever shares the directory that it is mounted in may put
   something else under its name meanwhile. */
static int remember_open(struct init *init, int mount, const char *path, const char *extra)
{
    if (!plan_has_word(extra, "writable"))
        return 0;
    struct left_open *all =
        realloc(init->left_open, (init->left_open_count + 1) * sizeof(*init->left_open));
    if (all == NULL)
        return fail(&init->failure, ENOMEM, "keep", "mount on %s", path);
    init->left_open = all;
    int kept = open_mounted(init, mount, path, extra);
    if (kept < 0)
        return fail(&init->failure, errno, "open mount target", "%s", path);
    all[init->left_open_count++] = (struct left_open){.path = path, .mount = kept};
    return 0;
}

/* -1: none was left open there. */
static int take_open(struct init *init, const char *path)
{
    for (size_t i = 0; i < init->left_open_count; i++) {
        struct left_open *entry = &init->left_open[i];
        if (entry->mount >= 0 && strcmp(entry->path, path) == 0)
            return give_fd(&entry->mount);
    }
    return -1;
}

/* The directory that a new file system is mounted on, and the flags that it gets at once. */
static int open_place(struct init *init, const char *path, const char *list, const char *extra,
                      struct mounting_flags *flags)
{
    if (parse_flags(init, list, flags) < 0)
        return -1;
    if (plan_has_word(extra, "writable"))
        leave_unset(flags, K_ATTR_RDONLY);
    return open_target(init, path, PATH_DIRECTORY, extra);
}

static int mount_new(struct init *init, const struct plan_record *step)
{
    const char *type = step->argv[0], *source = step->argv[1], *data = step->argv[4];
    const char *target_path = step->argv[2], *extra = step->argv[5];
    struct mounting_flags flags;
    cleanup_close int target = open_place(init, target_path, step->argv[3], extra, &flags);
    if (target < 0)
        return -1;
    bool copy = plan_has_word(extra, "tmpcopyup");
    /* The copy is made before the mount is read-only. */
    struct mounting_flags first = flags;
    if (copy)
        leave_unset(&first, K_ATTR_RDONLY);
    /* What a new mount is not yet: it inherits how it propagates from where it is attached. */
    struct mounting_flags rest = {.propagation = flags.propagation};
    rest.plain.set = (flags.plain.set | flags.deep.set) & ~(first.plain.set | first.deep.set);
    const struct mounting_recipe recipe = {type, source, data, .pid_namespace = -1};
    bool is_others = init->is_outside && strcmp(type, "proc") == 0;
    cleanup_close int mount = joined_proc_take(step, is_others ? &init->failure : NULL);
    const bool is_made = mount >= 0;
    if (!is_made && is_others)
        return -1;
    if (!is_made)
        mount = mounting_new(&recipe, &first, &init->failure);
    if (mount == MOUNTING_LEGACY) {
        if (mounting_new_legacy(init, type, source, &first, data, target) < 0)
            return -1;
    } else if (mount < 0 || mounting_attach(init, mount, target) < 0) {
        return -1;
    }
    /* Attached: else kernels without mount_setattr(2) cannot. */
    if (is_made && mounting_change(init, mount, &first) < 0)
        return -1;
    if (remember_open(init, mount, target_path, extra) < 0)
        return -1;
    if (!copy && rest.propagation == 0)
        return 0;
    /* Copied after it is attached: only then the mount has a path, which kernels
       without mount_setattr(2) need to make it read-only. */
    cleanup_close int top = open_mounted(init, mount, target_path, extra);
    if (top < 0)
        return fail(&init->failure, errno, "open mount target", "%s", target_path);
    if (copy && copy_covered(init, step, target, top) < 0)
        return -1;
    return mounting_change(init, top, &rest);
}

int step_mount(struct init *init, const struct plan_record *step)
{
    if (mount_new(init, step) == 0)
        return 0;
    struct failure *failure = &init->failure;
    if (plan_has_word(step->argv[5], "optional") && is_optional_error(failure->errnum)) {
        init_warn(init, "mount %s on %s: %s (%s %.200s); the container goes without it",
                  step->argv[0], step->argv[2], strerror(failure->errnum), failure->operation,
                  failure->object);
        memset(failure, 0, sizeof(*failure));
        return 0;
    }
    return name_target(init, step->argv[0], step->argv[2]);
}

/* The descriptors of the host's directories have their names in the host's /proc. */
static int mount_overlay(struct init *init, const struct plan_record *step, int target)
{
    size_t count = step->argc - 6u;
    cleanup_free int *lowers = calloc(count, sizeof(int));
    if (lowers == NULL)
        return fail(&init->failure, ENOMEM, "mount", "overlay");
    for (unsigned i = 0; i < count; i++)
        lowers[i] = slots_descriptor(plan_slot(step, i + 6));
    struct overlay overlay = {
        .upper = slots_descriptor(plan_slot(step, 4)),
        .work = slots_descriptor(plan_slot(step, 5)),
        .lowers = lowers,
        .count = count,
        .options = step->argv[2],
        .target = target,
        .proc_self = init->proc_self,
        .in_proc = true,
    };
    if (mounting_enter_proc(init) < 0)
        return -1;
    int mount = overlay_mount(&overlay, &init->failure);
    mounting_leave_proc(init);
    return mount;
}

int step_overlay(struct init *init, const struct plan_record *step)
{
    const char *target_path = step->argv[0], *extra = step->argv[3];
    struct mounting_flags flags;
    cleanup_close int target = open_place(init, target_path, step->argv[1], extra, &flags);
    if (target < 0)
        return -1;
    cleanup_close int mount = mount_overlay(init, step, target);
    if (mount < 0 || mounting_change(init, mount, &flags) < 0)
        return name_target(init, "overlay", target_path);
    return remember_open(init, mount, target_path, extra);
}

static enum path_kind kind_of(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? PATH_DIRECTORY : PATH_FILE;
}

static bool is_readonly(int fd)
{
    struct statvfs status;
    return fstatvfs(fd, &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

static int bind(struct init *init, const struct plan_record *step)
{
    struct mounting_flags flags;
    int source = slots_descriptor(plan_slot(step, 0));
    if (parse_flags(init, step->argv[2], &flags) < 0)
        return -1;
    flags.top = plan_has_word(step->argv[4], "top");
    if (step->argv[3][0] != '\0' &&
        mounting_parse_propagation(step->argv[3], &flags.propagation) < 0)
        return fail(&init->failure, errno, "parse propagation", "%s", step->argv[3]);
    cleanup_close int target = open_target(init, step->argv[1], kind_of(source), step->argv[4]);
    if (target < 0)
        return -1;
    /* What was read-only already stays so: the kernel locks it (mount_namespaces(7)). */
    flags.open = plan_has_word(step->argv[4], "writable") && !is_readonly(source);
    cleanup_close int mount = slots_take_mount(init->plan, plan_slot(step, 0));
    if (mount < 0)
        mount = mounting_bind_tree(init, source, target, &flags);
    else if (mounting_move(init, mount, target, &flags) < 0)
        return -1;
    return mount == -1 ? -1 : remember_open(init, mount, step->argv[1], step->argv[4]);
}

int step_bind(struct init *init, const struct plan_record *step)
{
    if (bind(init, step) == 0)
        return 0;
    struct failure *failure = &init->failure;
    if (plan_has_word(step->argv[4], "optional") && is_optional_error(failure->errnum)) {
        init_warn(init, "bind on %s: %s (%s %.200s); the container goes without it", step->argv[1],
                  strerror(failure->errnum), failure->operation, failure->object);
        memset(failure, 0, sizeof(*failure));
        return 0;
    }
    return name_target(init, "bind", step->argv[1]);
}

static const struct mounting_flags no_flags;

int step_device(struct init *init, const struct plan_record *step)
{
    int source = slots_descriptor(plan_slot(step, 0));
    struct stat status;
    if (fstat(source, &status) < 0)
        return fail(&init->failure, errno, "stat", "device for %s", step->argv[1]);
    if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
        return fail(&init->failure, ENODEV, "check device", "%s", step->argv[1]);
    cleanup_close int target = open_target(init, step->argv[1], PATH_FILE, "");
    if (target < 0 || mounting_bind(init, source, target, &no_flags) < 0)
        return name_target(init, "device", step->argv[1]);
    return 0;
}

/* An empty read-only tmpfs.  One serves for all masked directories. */
static int mask_directory(struct init *init, int target)
{
    struct mounting_flags flags = {.plain.set = K_ATTR_RDONLY | K_ATTR_NOSUID | K_ATTR_NODEV |
                                                K_ATTR_NOEXEC};
    if (init->masked_directory >= 0)
        return mounting_bind(init, init->masked_directory, target, &no_flags);
    static const struct mounting_recipe recipe = {"tmpfs", "tmpfs", "size=0,mode=555", -1};
    cleanup_close int mount = mounting_new(&recipe, &flags, &init->failure);
    if (mount == MOUNTING_LEGACY)
        return mounting_new_legacy(init, "tmpfs", "tmpfs", &flags, "size=0,mode=555", target);
    if (mount < 0 || mounting_attach(init, mount, target) < 0)
        return -1;
    init->masked_directory = give_fd(&mount);
    return 0;
}

static int mask_file(struct init *init, const struct plan_record *step, int target)
{
    struct stat status;
    cleanup_close int own = -1;
    int null = slots_descriptor(plan_slot(step, 0));
    if (null < 0)
        null = own = path_open(init->root, "/dev/null", PATH_NO_SYMLINKS);
    if (null < 0 || fstat(null, &status) < 0)
        return fail(&init->failure, errno, "open", "/dev/null");
    /* A /dev/null that the image replaced would give the container whatever it
       is, writable (CVE-2025-31133). */
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return fail(&init->failure, ENODEV, "check", "/dev/null");
    return mounting_bind(init, null, target, &no_flags);
}

int step_mask(struct init *init, const struct plan_record *step)
{
    const char *path = step->argv[1];
    cleanup_close int target = path_open(init->root, path, 0);
    if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (target < 0)
        return fail(&init->failure, errno, "mask", "%s", path);
    int done = kind_of(target) == PATH_DIRECTORY ? mask_directory(init, target)
                                                 : mask_file(init, step, target);
    return done < 0 ? name_target(init, "mask", path) : 0;
}

int step_readonly(struct init *init, const struct plan_record *step)
{
    struct mounting_flags flags = {.plain.set = K_ATTR_RDONLY, .recursive = true};
    cleanup_close int target = path_open(init->root, step->argv[0], 0);
    if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (target < 0)
        return fail(&init->failure, errno, "make read-only", "%s", step->argv[0]);
    if (mounting_bind(init, target, target, &flags) < 0)
        return name_target(init, "read-only bind", step->argv[0]);
    return 0;
}

/* "remount" of mount(8) with "bind": the mount's own flags, not those of its file system. */
int step_change_mount(struct init *init, const struct plan_record *step)
{
    struct mounting_flags flags;
    if (parse_flags(init, step->argv[1], &flags) < 0)
        return -1;
    if (step->argv[2][0] != '\0' &&
        mounting_parse_propagation(step->argv[2], &flags.propagation) < 0)
        return fail(&init->failure, errno, "parse propagation", "%s", step->argv[2]);
    /* MS_REC is for what is mounted below, and the flags are not. */
    flags.top = true;
    cleanup_close int target = take_open(init, step->argv[0]);
    if (target < 0)
        target = path_open(init->root, step->argv[0], 0);
    if (target < 0)
        return fail(&init->failure, errno, "remount", "%s", step->argv[0]);
    struct failure *failure = &init->failure;
    /* What changes nothing would succeed anywhere. */
    if (kernel_is_mount_root(target) == 0)
        fail(failure, EINVAL, "remount", "%s", step->argv[0]);
    else if (mounting_change(init, target, &flags) == 0)
        return 0;
    int error = failure->errnum;
    failure->set = 0;
    if (error == EINVAL)
        failure_detail(failure, "nothing is mounted there");
    return fail(failure, error, "remount", "%s", step->argv[0]);
}
