#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuse-mount.h"
#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "mounting-legacy.h"
#include "mounting.h"
#include "overlay.h"

/* Of the words of fuse-overlayfs. */
enum { FUSE_PROGRAM, FUSE_TARGET, FUSE_UPPER, FUSE_WORK, FUSE_LOWER };

/* Mounting takes milliseconds; a program that hangs is not waited for. */
#define FUSE_PATIENCE_MS 20000

static bool is_kind(const struct view *view, const char *kind)
{
    return strcmp(view->kind, kind) == 0;
}

bool view_is_valid(const struct view *view)
{
    if (is_kind(view, "overlay"))
        return view->count >= 3;
    if (is_kind(view, "read-overlay"))
        return view->count >= 2;
    if (is_kind(view, "fuse-overlayfs"))
        return view->count > FUSE_LOWER;
    return is_kind(view, "layers") && view->count >= 1;
}

int view_open(struct view *view, struct failure *failure)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < view->count + 64 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    view->directories = calloc(view->count, sizeof(int));
    if (view->directories == NULL) {
        fail(failure, ENOMEM, "open", "layers");
        return -1; /* said by name, for -fanalyzer */
    }
    size_t first = is_kind(view, "fuse-overlayfs") ? FUSE_TARGET : 0;
    for (size_t i = 0; i < view->count; i++) {
        const char *path = view->words[i];
        view->directories[i] = -1;
        if (i < first || path[0] == '\0')
            continue;
        view->directories[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (view->directories[i] < 0)
            return fail(failure, errno, "open", "%s", path);
    }
    view->proc_self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return view->proc_self < 0 ? fail(failure, errno, "open", "/proc/self") : 0;
}

static int enter(int directory, struct failure *failure)
{
    return fchdir(directory) < 0 ? fail(failure, errno, "chdir", "view") : 0;
}

static int mount_overlay(const struct view *view, int target, struct failure *failure)
{
    bool writable = is_kind(view, "overlay");
    size_t skipped = writable ? 2 : 0;
    struct overlay overlay = {
        .upper = writable ? view->directories[0] : -1,
        .work = writable ? view->directories[1] : -1,
        .lowers = view->directories + skipped,
        .count = view->count - skipped,
        .options = "userxattr",
        .target = target,
        .proc_self = view->proc_self,
    };
    return overlay_mount(&overlay, failure);
}

static int enter_overlay(const struct view *view, struct failure *failure)
{
    cleanup_close int root = mount_overlay(view, view->directories[0], failure);
    return root < 0 ? -1 : enter(root, failure);
}

static int bind_layer(int parent, size_t index, int source, struct failure *failure)
{
    char name[24];
    struct kernel_mount_attr attr = {.set = K_ATTR_RDONLY | K_ATTR_NOSUID | K_ATTR_NODEV};
    snprintf(name, sizeof(name), "%zu", index);
    if (mkdirat(parent, name, 0700) < 0)
        return fail(failure, errno, "mkdir", "%s", name);
    cleanup_close int target = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int tree = kernel_open_tree(source, "", K_OPEN_TREE_CLONE);
    if (tree < 0 || kernel_mount_setattr(tree, 0, &attr) < 0 || kernel_move_mount(tree, target) < 0)
        return fail(failure, errno, "bind", "layer %s", name);
    return 0;
}

static int enter_layers(const struct view *view, struct failure *failure)
{
    cleanup_close int context = kernel_fsopen("tmpfs");
    if (context < 0 || kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
        kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fail(failure, errno, "mount", "tmpfs");
    cleanup_close int root = kernel_fsmount(context, K_ATTR_NOSUID | K_ATTR_NODEV);
    /* Below a detached mount nothing can be mounted. */
    if (root < 0 || kernel_move_mount(root, view->directories[0]) < 0)
        return fail(failure, errno, "mount", "tmpfs");
    for (size_t i = 0; i < view->count; i++) {
        if (bind_layer(root, i, view->directories[i], failure) < 0)
            return -1;
    }
    return enter(root, failure);
}

/* "lowerdir=/proc/self/fd/7:..."; the descriptors are inherited. */
static char *fuse_options(const struct view *view)
{
    size_t room = 64 + view->count * 24, used = 0;
    char *text = calloc(1, room);
    for (size_t i = FUSE_LOWER; text != NULL && i < view->count; i++)
        used += (size_t)snprintf(text + used, room - used, "%s/proc/self/fd/%d",
                                 i == FUSE_LOWER ? "lowerdir=" : ":", view->directories[i]);
    if (text != NULL && view->directories[FUSE_UPPER] >= 0)
        snprintf(text + used, room - used, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
                 view->directories[FUSE_UPPER], view->directories[FUSE_WORK]);
    return text;
}

_Noreturn static void run_fuse(const struct view *view, char *options, pid_t parent)
{
    char target[32];
    snprintf(target, sizeof(target), "/proc/self/fd/%d", view->directories[FUSE_TARGET]);
    char foreground[] = "-f", option[] = "-o";
    char *argv[] = {view->words[FUSE_PROGRAM], foreground, option, options, target, NULL};
    /* It ends with us, whatever ends us. */
    lifeline_tie(parent);
    for (size_t i = 0; i < view->count; i++) {
        if (view->directories[i] >= 0)
            fcntl(view->directories[i], F_SETFD, 0);
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(126);
    /* Whoever waits for the end of the worker's streams must not wait for us. */
    kernel_close_range(3, (unsigned)view->directories[FUSE_TARGET] - 1, 0);
    execv(argv[0], argv);
    _exit(127);
}

static int enter_fuse(struct view *view, struct failure *failure)
{
    struct stat before, now;
    const struct timespec pause = {0, 2 * 1000 * 1000};
    int target = view->directories[FUSE_TARGET];
    cleanup_free char *options = fuse_options(view);
    if (options == NULL || fstat(target, &before) < 0)
        return fail(failure, errno, "mount", "fuse-overlayfs");
    const pid_t own = getpid();
    view->helper = fork();
    if (view->helper < 0)
        return fail(failure, errno, "fork", "fuse-overlayfs");
    if (view->helper == 0)
        run_fuse(view, options, own);
    /* In the foreground it says nothing when it is ready: the mount is seen. */
    for (int waited = 0; waited < FUSE_PATIENCE_MS; waited += 2) {
        cleanup_close int root = mounting_reopen(view->proc_self, target, failure);
        if (root < 0)
            return -1;
        if (fstat(root, &now) == 0 && now.st_dev != before.st_dev)
            return enter(root, failure);
        if (waitpid(view->helper, NULL, WNOHANG) != 0) {
            view->helper = 0;
            return fail(failure, EIO, "run", "%s", view->words[FUSE_PROGRAM]);
        }
        nanosleep(&pause, NULL);
    }
    return fail(failure, ETIMEDOUT, "mount", "fuse-overlayfs");
}

int view_enter(struct view *view, struct failure *failure)
{
    if (is_kind(view, "overlay") || is_kind(view, "read-overlay"))
        return enter_overlay(view, failure);
    if (is_kind(view, "fuse-overlayfs"))
        return enter_fuse(view, failure);
    return enter_layers(view, failure);
}

void view_leave(struct view *view)
{
    if (view->helper <= 0)
        return;
    /* SIGTERM lets it write what it holds back. */
    kill(view->helper, SIGTERM);
    while (waitpid(view->helper, NULL, 0) < 0 && errno == EINTR)
        ;
    view->helper = 0;
}

static int mount_at(const struct view *view, const char *path, struct failure *failure)
{
    if (is_kind(view, "fuse-overlayfs")) {
        cleanup_free char *options = fuse_options(view);
        if (options == NULL)
            return fail(failure, ENOMEM, "mount", "fuse-overlayfs");
        return fuse_mount(path, view->words[FUSE_PROGRAM], options, view->directories, view->count,
                          failure);
    }
    cleanup_close int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return fail(failure, errno, "open", "%s", path);
    cleanup_close int root = mount_overlay(view, target, failure);
    return root < 0 ? -1 : 0;
}

int view_mount_main(char **words)
{
    static struct failure failure;
    struct view view = {.kind = words[0] ? words[1] : NULL, .words = words + 2};
    while (view.kind != NULL && view.words[view.count] != NULL)
        view.count++;
    if (view.kind == NULL || !view_is_valid(&view) || strstr(view.kind, "overlay") == NULL) {
        fprintf(stderr, "tsman-native: mount: usage: mount TARGET "
                        "overlay|read-overlay|fuse-overlayfs WORD...\n");
        return 125;
    }
    if (view_open(&view, &failure) == 0 && mount_at(&view, words[0], &failure) == 0)
        return 0;
    fprintf(stderr, "tsman-native: mount: %s %s: %s (errno %d)\n", failure.operation,
            failure.object, strerror(failure.errnum), failure.errnum);
    return 125;
}
