#include "mounting.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "mounting-legacy.h"
#include "protocol.h"

void mounting_context_log(int context, struct failure *failure)
{
    char text[512];
    ssize_t length;
    /* One message a read: "e overlay: No changes allowed"; ENODATA at the end. */
    while ((length = read(context, text, sizeof(text) - 1)) > 0) {
        text[length] = '\0';
        text[strcspn(text, "\n")] = '\0';
        failure_detail(failure, "%s", length > 2 && text[1] == ' ' ? text + 2 : text);
    }
}

int mounting_configure(int context, const char *data, struct failure *failure)
{
    char option[PATH_MAX];
    while (mounting_next_word(&data, option, sizeof(option))) {
        char *value = strchr(option, '=');
        if (value != NULL)
            *value++ = '\0';
        int done = value ? kernel_fsconfig(context, K_FSCONFIG_SET_STRING, option, value, 0)
                         : kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, option, NULL, 0);
        if (done < 0) {
            fail(failure, errno, "set mount option", "%s%s%s", option, value ? "=" : "",
                 value ? value : "");
            mounting_context_log(context, failure);
            return -1;
        }
    }
    return 0;
}

int mounting_attach(struct init *init, int mount, int target)
{
    return kernel_move_mount(mount, target) < 0
               ? fail(&init->failure, errno, "attach mount", "descriptor %d", target)
               : 0;
}

static int refuse_change(struct init *init, const struct mounting_change *change)
{
    int error = errno;
    if (error == EPERM && (change->clear != 0 || (change->set & K_ATTR_NODIRATIME)))
        failure_detail(&init->failure, "in a user namespace a mount of the host keeps ro, nosuid, "
                                       "nodev, noexec and its access times");
    return fail(&init->failure, error, "set mount flags", "bind");
}

/* -1 without a failure: the kernel cannot (ENOSYS). */
static int apply_change(struct init *init, int tree, const struct mounting_change *change,
                        unsigned long propagation, bool recursive)
{
    struct kernel_mount_attr attr = {
        .set = change->set,
        .clear = change->clear,
        .propagation = propagation & ~(unsigned long)MS_REC,
    };
    unsigned how = recursive ? K_AT_RECURSIVE : 0;
    if (attr.set == 0 && attr.clear == 0 && attr.propagation == 0)
        return 0;
    if (kernel_mount_setattr(tree, how, &attr) == 0)
        return 0;
    bool strict = plan_setting(init->plan, TSMAN_SET_STRICT) != NULL;
    if (errno == EPERM && (change->clear & K_ATTR_ATIME) && !strict) {
        /* The source's atime setting is locked (mount_namespaces(7)): it stays. */
        attr.set &= ~(uint64_t)(K_ATTR_ATIME | K_ATTR_NODIRATIME);
        attr.clear &= ~(uint64_t)(K_ATTR_ATIME | K_ATTR_NODIRATIME);
        if (kernel_mount_setattr(tree, how, &attr) == 0)
            return 0;
    }
    return errno == ENOSYS ? -1 : refuse_change(init, change);
}

static int set_attributes(struct init *init, int tree, const struct mounting_flags *flags)
{
    bool deep = flags->deep.set != 0 || flags->deep.clear != 0;
    bool spread = (flags->recursive && !flags->top) || (flags->propagation & MS_REC) != 0;
    bool apart = flags->top && (flags->propagation & MS_REC) != 0;
    static const struct mounting_change nothing;
    if (apply_change(init, tree, &flags->plain, apart ? 0 : flags->propagation, spread && !apart) ==
            0 &&
        (!apart || apply_change(init, tree, &nothing, flags->propagation, true) == 0) &&
        (!deep || apply_change(init, tree, &flags->deep, 0, true) == 0))
        return 0;
    if (!init->failure.set && deep) {
        failure_detail(&init->failure, "recursive mount options take Linux 5.12");
        return fail(&init->failure, ENOSYS, "set mount flags", "bind");
    }
    return -1;
}

int mounting_new(const struct mounting_recipe *recipe, const struct mounting_flags *flags,
                 struct failure *failure)
{
    const char *type = recipe->type, *source = recipe->source;
    cleanup_close int context = kernel_fsopen(type);
    if (context < 0 && errno == ENOSYS)
        return MOUNTING_LEGACY;
    if (context < 0)
        return fail(failure, errno, "mount", "file system type %s", type);
    if (source[0] != '\0' &&
        kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "source", source, 0) < 0)
        return fail(failure, errno, "set mount option", "source=%s", source);
    if (recipe->pid_namespace >= 0 &&
        kernel_fsconfig(context, K_FSCONFIG_SET_FD, "pidns", NULL, recipe->pid_namespace) < 0)
        return fail(failure, errno, "set mount option", "pidns");
    if (flags->sync)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "sync", NULL, 0);
    if (flags->dirsync)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "dirsync", NULL, 0);
    if (flags->lazytime)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "lazytime", NULL, 0);
    if (mounting_configure(context, recipe->data, failure) < 0)
        return -1;
    int mount = -1;
    if (kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = kernel_fsmount(context, (unsigned)(flags->plain.set | flags->deep.set));
    if (mount < 0) {
        fail(failure, errno, "mount", "%s", type);
        mounting_context_log(context, failure);
    }
    return mount;
}

/* Of a tree that nobody sees yet. */
static int prepare(struct init *init, int tree, const struct mounting_flags *flags)
{
    static const struct mounting_flags writable = {.plain.clear = K_ATTR_RDONLY, .top = true};
    if (set_attributes(init, tree, flags) < 0)
        return -1;
    return flags->open ? set_attributes(init, tree, &writable) : 0;
}

int mounting_bind_tree(struct init *init, int source, int target,
                       const struct mounting_flags *flags)
{
    cleanup_close int tree =
        kernel_open_tree(source, "", K_OPEN_TREE_CLONE | (flags->recursive ? K_AT_RECURSIVE : 0));
    if (tree < 0 && errno == ENOSYS)
        return mounting_bind_legacy(init, source, target, flags) < 0 ? -1 : MOUNTING_LEGACY;
    if (tree < 0)
        return fail(&init->failure, errno, "clone mount", "descriptor %d", source);
    bool later = false;
    if (prepare(init, tree, flags) < 0) {
        if (init->failure.set)
            return -1;
        later = true;
    }
    if (mounting_attach(init, tree, target) < 0)
        return -1;
    if (!later)
        return give_fd(&tree);
    return mounting_remount_legacy(init, tree, flags) < 0 ? -1 : give_fd(&tree);
}

int mounting_bind(struct init *init, int source, int target, const struct mounting_flags *flags)
{
    cleanup_close int tree = mounting_bind_tree(init, source, target, flags);
    return tree == -1 ? -1 : 0;
}

int mounting_move(struct init *init, int mount, int target, const struct mounting_flags *flags)
{
    if (prepare(init, mount, flags) < 0)
        return fail(&init->failure, errno, "set mount flags", "shared mount");
    return mounting_attach(init, mount, target);
}

int mounting_change(struct init *init, int target, const struct mounting_flags *flags)
{
    if (set_attributes(init, target, flags) == 0)
        return 0;
    return init->failure.set ? -1 : mounting_remount_legacy(init, target, flags);
}
