#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "mounting-legacy.h"
#include "mounting.h"

static int set_directory(int context, const struct overlay *overlay, const char *key, int directory)
{
    char path[32];
    snprintf(path, sizeof(path), "%sfd/%d", overlay->in_proc ? "" : "/proc/self/", directory);
    return kernel_fsconfig(context, K_FSCONFIG_SET_STRING, key, path, 0);
}

/* lowerdir+ takes one layer a call (Linux 6.7): neither the 256 bytes of a string
   option nor the page of mount(2) limits their number. */
static int configure(int context, const struct overlay *overlay, struct failure *failure)
{
    const struct {
        const char *key;
        int directory;
    } own[] = {{"upperdir", overlay->upper}, {"workdir", overlay->work}};
    for (unsigned i = 0; i < 2; i++) {
        if (own[i].directory >= 0 &&
            set_directory(context, overlay, own[i].key, own[i].directory) < 0) {
            fail(failure, errno, "set mount option", "%s", own[i].key);
            mounting_context_log(context, failure);
            return -1;
        }
    }
    for (size_t i = 0; i < overlay->count; i++) {
        if (set_directory(context, overlay, "lowerdir+", overlay->lowers[i]) < 0) {
            if (i == 0 && errno == EINVAL)
                return MOUNTING_LEGACY;
            fail(failure, errno, "set mount option", "lowerdir+ (layer %zu of %zu)", i + 1,
                 overlay->count);
            mounting_context_log(context, failure);
            return -1;
        }
    }
    return mounting_configure(context, overlay->options, failure);
}

static int mount_legacy(const struct overlay *overlay, struct failure *failure)
{
    size_t room = (size_t)sysconf(_SC_PAGESIZE), used = 0;
    cleanup_free char *data = malloc(room);
    char target[16];
    if (data == NULL)
        return fail(failure, ENOMEM, "mount", "overlay");
    if (overlay->upper >= 0)
        used =
            (size_t)snprintf(data, room, "upperdir=%d,workdir=%d,", overlay->upper, overlay->work);
    used += (size_t)snprintf(data + used, room - used, "%s%slowerdir=", overlay->options,
                             overlay->options[0] ? "," : "");
    for (size_t i = 0; i < overlay->count && used < room; i++)
        used += (size_t)snprintf(data + used, room - used, "%s%d", i > 0 ? ":" : "",
                                 overlay->lowers[i]);
    if (used >= room)
        return fail(failure, E2BIG, "mount",
                    "overlay: options of %zu layers exceed one page of mount(2)", overlay->count);
    /* The shortest names that there are: the working directory is /proc/self/fd. */
    cleanup_close int names = openat(overlay->proc_self, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (names < 0 || fchdir(names) < 0)
        return fail(failure, errno, "chdir", "/proc/self/fd");
    snprintf(target, sizeof(target), "%d", overlay->target);
    if (mount("overlay", target, "overlay", 0, data) < 0)
        return fail(failure, errno, "mount", "overlay");
    return mounting_reopen(overlay->proc_self, overlay->target, failure);
}

int overlay_mount(const struct overlay *overlay, struct failure *failure)
{
    cleanup_close int context = kernel_fsopen("overlay");
    if (context < 0 && errno == ENOSYS)
        return mount_legacy(overlay, failure);
    if (context < 0)
        return fail(failure, errno, "mount", "file system type overlay");
    kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "source", "overlay", 0);
    int configured = configure(context, overlay, failure);
    if (configured == MOUNTING_LEGACY)
        return mount_legacy(overlay, failure);
    if (configured < 0)
        return -1;
    cleanup_close int mounted = -1;
    if (kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mounted = kernel_fsmount(context, 0);
    else if (errno == EINVAL)
        /* Before Linux 6.5 overlayfs took any option until this point, where it reads
           them all (legacy_parse_param in fs/fs_context.c). */
        return mount_legacy(overlay, failure);
    if (mounted < 0) {
        fail(failure, errno, "mount", "overlay");
        mounting_context_log(context, failure);
        return -1;
    }
    /* It has to be attached somewhere: below a detached mount nothing can be
       mounted (check_mnt in fs/namespace.c). */
    if (kernel_move_mount(mounted, overlay->target) < 0)
        return fail(failure, errno, "attach mount", "descriptor %d", overlay->target);
    return give_fd(&mounted);
}
