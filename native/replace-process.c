/*
 * execve(2) for the process that Node runs in.
 *
 * process.execve loads Node's worker threads and streams to ask whether it is called from one
 * (lib/internal/process/per_thread.js), 5 ms with the code that they run, and aborts the process
 * when the system refuses.  This returns the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addon.h"

/*
 * Before execve(2) returns, the kernel takes the old memory apart: 4 ms for Node's.  Unless another
 * process has the same memory (CLONE_VM): then whoever ends last does, here on a CPU of its own.
 *
 * That process runs while we go on and has our stack protector, errno and signal handlers, so it
 * uses nothing but system calls that succeed, on a stack of its own, with all signals blocked.  It
 * keeps no descriptor but the pipe that tells it that we have gone.  What Node had mapped is busy
 * until it ends, so the program waits for it (session.c): a child that sends no signal, which
 * wait(2) shows with __WCLONE only.
 */
enum { HEIR_STACK = 16 * 1024 };
static char heir_stack[HEIR_STACK] __attribute__((aligned(16)));

static int wait_for_end(void *pipe)
{
    int fd = *(int *)pipe;
    char byte;
    /* 0 to 2 are taken, so there are some below. */
    if (syscall(SYS_close_range, 0, fd - 1, 0) == 0 &&
        syscall(SYS_close_range, fd + 1, UINT_MAX, 0) == 0)
        syscall(SYS_read, fd, &byte, 1);
    syscall(SYS_exit, 0);
    return 0;
}

/* 0: there is none, and nothing is lost.  `end` is to be closed when we stay after all. */
static pid_t leave_memory(int *end)
{
    static int ends[2];
    /* Before Linux 5.9, or in a container that lacks it: it could not let go of the pipe. */
    if (syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0) != 0 || pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t heir = clone(wait_for_end, heir_stack + HEIR_STACK, CLONE_VM, &ends[0]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    *end = ends[1];
    if (heir > 0)
        return heir;
    close(ends[1]);
    return 0;
}

static void set_inherited(int fd, bool is_inherited)
{
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFD);
    if (flags >= 0)
        fcntl(fd, F_SETFD, is_inherited ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC);
}

/* → errno.  The descriptor is one more that the program is to have. */
napi_value addon_replace_process(napi_env env, napi_callback_info info)
{
    napi_value result = NULL;
    struct addon_command command;
    int error = addon_command(env, info, &command);
    if (error == 0) {
        /* libuv marks what it opens, the standard streams included when they were closed. */
        for (int fd = 0; fd <= 2; fd++)
            set_inherited(fd, true);
        set_inherited(command.descriptor, true);
        int end;
        pid_t heir = leave_memory(&end);
        execve(command.program, command.argv, command.environment);
        error = errno;
        if (heir > 0) {
            close(end);
            while (waitpid(heir, NULL, __WCLONE) < 0 && errno == EINTR)
                ;
        }
        set_inherited(command.descriptor, false);
    }
    napi_create_int32(env, error, &result);
    return result;
}
