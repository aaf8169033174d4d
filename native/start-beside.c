/*
 * A child that this process does not watch: whoever takes its place (replace-process.c) does.
 *
 * child_process would cost a start 14 M instructions for Node's streams and handles.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addon.h"

enum { CHILD_SOCKET = 3 };

/* 0, or an errno. */
static int start(const struct addon_command *command, int socket, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    if ((error = posix_spawnattr_init(&attributes)) == 0) {
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        /* The caller's streams are not its own, and somebody may wait for their end. */
        for (int fd = 0; fd <= 2 && error == 0; fd++)
            error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (error == 0)
            error = posix_spawn_file_actions_adddup2(&actions, socket, CHILD_SOCKET);
        if (error == 0)
            error = posix_spawn(pid, command->program, &actions, &attributes, command->argv,
                                command->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The child's end is above what it is to become, and the kernel's own (dup2(2) of a number to
   itself changes nothing, close-on-exec included). */
static int make_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return errno;
    int above = fcntl(ends[1], F_DUPFD_CLOEXEC, CHILD_SOCKET + 1);
    int error = errno;
    close(ends[1]);
    ends[1] = above;
    if (above >= 0)
        return 0;
    close(ends[0]);
    return error;
}

static void put(napi_env env, napi_value array, uint32_t index, int32_t number)
{
    napi_value value = NULL;
    napi_create_int32(env, number, &value);
    napi_set_element(env, array, index, value);
}

/* → [errno, pid, descriptor]: one end of a pair of SOCK_SEQPACKET sockets, close-on-exec, whose
   other end is the child's descriptor 3.  Its streams are /dev/null; it inherits whatever else is
   not close-on-exec. */
napi_value addon_start_beside(napi_env env, napi_callback_info info)
{
    napi_value result = NULL;
    struct addon_command command;
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    int error = addon_command(env, info, &command);
    if (error == 0 && (error = make_pair(ends)) == 0) {
        error = start(&command, ends[1], &pid);
        close(ends[1]);
        if (error != 0) {
            close(ends[0]);
            ends[0] = -1;
        }
    }
    napi_create_array(env, &result);
    put(env, result, 0, error);
    put(env, result, 1, pid);
    put(env, result, 2, ends[0]);
    return result;
}
