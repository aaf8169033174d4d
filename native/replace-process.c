/*
 * execve(2) for the process that Node runs in; dist/libexec/replace-process.node.
 *
 * process.execve loads Node's worker threads and streams to ask whether it is called from one
 * (lib/internal/process/per_thread.js), 5 ms with the code that they run, and aborts the process
 * when the system refuses.  This returns the reason.
 *
 * Node-API is a stable ABI; these are its declarations as the documentation gives them
 * (https://nodejs.org/api/n-api.html), so that no headers of Node are needed for the build.  It
 * uses the libc that Node is linked against, whichever that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
enum { NAPI_OK = 0 };

int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_create_int32(napi_env, int32_t, napi_value *);
int napi_get_array_length(napi_env, napi_value, uint32_t *);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_element(napi_env, napi_value, uint32_t, napi_value *);
int napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
napi_value napi_register_module_v1(napi_env, napi_value);

/* NULL: no string, or no memory. */
static char *to_string(napi_env env, napi_value value)
{
    size_t length;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != NAPI_OK)
        return NULL;
    char *text = malloc(length + 1);
    if (text != NULL)
        napi_get_value_string_utf8(env, value, text, length + 1, &length);
    return text;
}

static char **to_strings(napi_env env, napi_value array)
{
    uint32_t length;
    if (napi_get_array_length(env, array, &length) != NAPI_OK)
        return NULL;
    char **texts = calloc((size_t)length + 1, sizeof(char *));
    for (uint32_t i = 0; texts != NULL && i < length; i++) {
        napi_value element;
        if (napi_get_element(env, array, i, &element) != NAPI_OK ||
            (texts[i] = to_string(env, element)) == NULL)
            return NULL;
    }
    return texts;
}

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

/* (program, arguments, environment as NAME=VALUE) → errno; what is allocated goes with the process,
   which ends soon if not now. */
static napi_value replace(napi_env env, napi_callback_info info)
{
    napi_value arguments[3], result = NULL;
    size_t count = 3;
    int error = EINVAL;
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == NAPI_OK && count == 3) {
        char *program = to_string(env, arguments[0]);
        char **argv = to_strings(env, arguments[1]), **environment = to_strings(env, arguments[2]);
        /* libuv marks what it opens, the standard streams included when they were closed. */
        for (int fd = 0; fd <= 2; fd++) {
            int flags = fcntl(fd, F_GETFD);
            if (flags >= 0)
                fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
        }
        if (program != NULL && argv != NULL && environment != NULL) {
            int end;
            pid_t heir = leave_memory(&end);
            execve(program, argv, environment);
            error = errno;
            if (heir > 0) {
                close(end);
                while (waitpid(heir, NULL, __WCLONE) < 0 && errno == EINTR)
                    ;
            }
        }
    }
    napi_create_int32(env, error, &result);
    return result;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    (void)exports;
    napi_value function = NULL;
    napi_create_function(env, "replaceProcess", strlen("replaceProcess"), replace, NULL, &function);
    return function;
}
