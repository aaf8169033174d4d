#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "mounting.h"
#include "path.h"
#include "protocol.h"
#include "sync.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441 /* _IO('T', 0x41), Linux 4.13 */
#endif

/* The multiplexer of a devpts: a device that an image has put there is not one. */
static int open_multiplexer(struct init *init)
{
    struct statfs filesystem;
    struct stat status;
    cleanup_close int directory = path_open(init->root, "/dev/pts", PATH_NO_SYMLINKS);
    if (directory < 0)
        return fail(&init->failure, errno, "open", "/dev/pts");
    if (fstatfs(directory, &filesystem) < 0 || filesystem.f_type != DEVPTS_SUPER_MAGIC)
        return fail(&init->failure, EXDEV, "check", "/dev/pts is a devpts");
    cleanup_close int master =
        openat(directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (master < 0 || fstat(master, &status) < 0)
        return fail(&init->failure, errno, "open", "/dev/pts/ptmx");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
        return fail(&init->failure, ENODEV, "check", "/dev/pts/ptmx");
    return give_fd(&master);
}

int pty_open(struct init *init)
{
    const struct plan_record *size = plan_setting(init->plan, TSMAN_SET_TTY);
    int unlock = 0;
    if (size == NULL)
        return fail(&init->failure, EINVAL, "open terminal", "plan without SET_TTY");
    struct winsize window = {.ws_row = (unsigned short)plan_number(size, 0),
                             .ws_col = (unsigned short)plan_number(size, 1)};
    cleanup_close int master = open_multiplexer(init);
    if (master < 0)
        return -1;
    if (ioctl(master, (int)TIOCSPTLCK, &unlock) < 0)
        return fail(&init->failure, errno, "unlock terminal", "/dev/pts/ptmx");
    init->tty = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (init->tty < 0)
        return fail(&init->failure, errno, "open terminal", "peer of /dev/pts/ptmx");
    if (window.ws_row != 0 && window.ws_col != 0)
        ioctl(master, (int)TIOCSWINSZ, &window);
    if (sync_send(init->channels.sync, SYNC_TTY, 0, master) < 0)
        return fail(&init->failure, errno, "send", "terminal");
    return 0;
}

int pty_console(struct init *init)
{
    static const struct mounting_flags no_flags;
    if (pty_open(init) < 0)
        return -1;
    cleanup_close int target =
        path_ensure(init->root, "/dev/console", PATH_FILE, 0600, PATH_NO_SYMLINKS);
    if (target < 0)
        return fail(&init->failure, errno, "open", "/dev/console");
    if (mounting_bind(init, init->tty, target, &no_flags) < 0)
        return -1;
    init->console = true;
    return 0;
}

int pty_control(struct init *init)
{
    if (ioctl(0, (int)TIOCSCTTY, 0) < 0)
        return fail(&init->failure, errno, "set controlling terminal", "descriptor 0");
    return 0;
}
