#include "listener-relay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptors.h"
#include "memory.h"
#include "passed-fd.h"
#include "sync.h"

/* Seconds for all that init has to say, from its first byte on. */
enum { PATIENCE = 60 };

/* `fd` goes with the first byte. */
static bool hand_on(int connection, uint8_t *bytes, size_t left, int fd)
{
    while (left > 0) {
        struct iovec part = {bytes, left};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        union passed_fd control;
        if (fd >= 0)
            passed_fd_put(&message, &control, fd);
        ssize_t sent = sendmsg(connection, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        left -= (size_t)sent;
        fd = -1;
    }
    return true;
}

_Noreturn static void relay(int connection, int pair)
{
    static uint8_t bytes[65536];
    int kept[] = {connection, pair};
    bool has_filter = false, has_begun = false;
    prctl(PR_SET_NAME, "tsman-relay");
    /* An end of init's that stays open here would never be one. */
    if (descriptors_close_others(3, kept, sizeof(kept) / sizeof(kept[0])) < 0)
        _exit(1);
    for (;;) {
        struct iovec part = {bytes, sizeof(bytes)};
        union passed_fd control;
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control.space)};
        ssize_t got = recvmsg(pair, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(0);
        /* Neither who answers nor who has taken init's end keeps this process. */
        if (!has_begun)
            alarm(PATIENCE);
        has_begun = true;
        cleanup_close int fd = passed_fd_take(&message);
        /* Any other is not init's. */
        if (fd >= 0 && has_filter)
            _exit(1);
        has_filter = has_filter || fd >= 0;
        if (!hand_on(connection, bytes, (size_t)got, fd))
            _exit(1);
    }
}

int listener_relay(int *connection, struct failure *failure)
{
    int pair[1][2];
    if (*connection < 0)
        return 0;
    if (sync_anonymous_pairs(pair, 1) < 0)
        return fail(failure, errno, "make socket pair", "seccomp listener");
    pid_t pid = fork();
    if (pid == 0)
        relay(*connection, pair[0][0]);
    int error = errno;
    close(pair[0][0]);
    close(*connection);
    *connection = pair[0][1];
    return pid < 0 ? fail(failure, error, "fork", "seccomp listener") : 0;
}
