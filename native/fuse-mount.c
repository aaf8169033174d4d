#include "fuse-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"

_Noreturn static void serve(const char *target, char *argv[], const int *inherited, size_t count)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    /* In its own copy of the namespace it is in nobody's way, and may not hold it. */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        umount2(target, MNT_DETACH) < 0)
        _exit(126);
    for (size_t i = 0; i < count; i++) {
        if (inherited[i] >= 0)
            fcntl(inherited[i], F_SETFD, 0);
    }
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || chdir("/") < 0)
        _exit(126);
    lifeline_restore_core();
    execv(argv[0], argv);
    _exit(127);
}

/* The first look waits for the program's answer, and fails when it ends without one. */
static bool answers(const char *target)
{
    struct stat status;
    return stat(target, &status) == 0;
}

int fuse_mount(const char *target, char *program, char *options, const int *inherited, size_t count,
               struct failure *failure)
{
    char words[128], point[24], foreground[] = "-f", option[] = "-o";
    int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0)
        return fail(failure, errno, "open", "/dev/fuse");
    snprintf(words, sizeof(words),
             "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
    if (mount("fuse-overlayfs", target, "fuse.fuse-overlayfs", MS_NOSUID | MS_NODEV, words) < 0) {
        fail(failure, errno, "mount", "fuse-overlayfs");
        close(device);
        return -1;
    }
    /* libfuse's word for a mount that is there already. */
    snprintf(point, sizeof(point), "/dev/fd/%d", device);
    char *argv[] = {program, foreground, option, options, point, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        fcntl(device, F_SETFD, 0);
        serve(target, argv, inherited, count);
    }
    int error = errno;
    /* Else it would be us whom the kernel waits for, should the program end at once. */
    close(device);
    if (pid > 0 && answers(target))
        return 0;
    if (pid > 0)
        error = waitpid(pid, NULL, WNOHANG) == 0 ? errno : EIO;
    umount2(target, MNT_DETACH);
    return fail(failure, error, "run", "%s", program);
}
