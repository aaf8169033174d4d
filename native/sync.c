#include "sync.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "passed-fd.h"

#define HEADER offsetof(struct sync_message, failure)

int sync_pair(int sockets[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets);
}

struct wanted {
    int (*pairs)[2];
    size_t count;
    int errnum;
};

static int make_pairs(void *data)
{
    struct wanted *wanted = (struct wanted *)data;
    for (size_t i = 0; i < wanted->count; i++) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wanted->pairs[i]) == 0)
            continue;
        wanted->errnum = errno;
        break;
    }
    /* Nothing of the C library's, which is our parent's. */
    syscall(SYS_exit, 0);
    return 0;
}

int sync_anonymous_pairs(int pairs[][2], size_t count)
{
    static _Alignas(16) char stack[16384];
    struct wanted wanted = {pairs, count, 0};
    for (size_t i = 0; i < count; i++)
        pairs[i][0] = pairs[i][1] = -1;
    pid_t pid =
        clone(make_pairs, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_VFORK, &wanted);
    if (pid < 0)
        return -1;
    while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
        ;
    if (wanted.errnum == 0 && (count == 0 || pairs[count - 1][0] >= 0))
        return 0;
    for (size_t i = 0; i < count; i++) {
        drop_fd(&pairs[i][0]);
        drop_fd(&pairs[i][1]);
    }
    errno = wanted.errnum != 0 ? wanted.errnum : EIO;
    return -1;
}

static int send_parts(int socket, enum sync_type type, int32_t value, const void *payload,
                      size_t size, int fd)
{
    struct sync_message head = {.type = type, .value = value};
    struct iovec parts[2] = {{&head, HEADER}, {(void *)(uintptr_t)payload, size}};
    union passed_fd control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (fd >= 0)
        passed_fd_put(&message, &control, fd);
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

int sync_send(int socket, enum sync_type type, int32_t value, int fd)
{
    return send_parts(socket, type, value, NULL, 0, fd);
}

int sync_send_warning(int socket, const char *text)
{
    char copy[sizeof(((struct sync_message *)0)->text)];
    size_t length = strnlen(text, sizeof(copy) - 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return send_parts(socket, SYNC_WARNING, 0, copy, length + 1, -1);
}

int sync_send_failure(int socket, const struct failure *failure)
{
    return send_parts(socket, SYNC_FAILED, 0, failure, sizeof(*failure), -1);
}

int sync_receive(int socket, struct sync_message *message, int *fd, int flags)
{
    struct iovec part = {message, sizeof(*message)};
    union passed_fd control;
    struct msghdr envelope = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    *fd = -1;
    ssize_t received;
    /* ECONNRESET comes once, from a peer that ended with something unread; what it sent comes
       after it. */
    do {
        received = recvmsg(socket, &envelope, flags | MSG_CMSG_CLOEXEC);
    } while (received < 0 && (errno == EINTR || errno == ECONNRESET));
    if (received <= 0)
        return (int)received;
    *fd = passed_fd_take(&envelope);
    if ((size_t)received < HEADER) {
        drop_fd(fd);
        errno = EBADMSG;
        return -1;
    }
    memset((char *)message + received, 0, sizeof(*message) - (size_t)received);
    return 1;
}

int sync_await(int socket, enum sync_type type)
{
    struct sync_message message;
    int fd;
    for (;;) {
        if (sync_receive(socket, &message, &fd, 0) <= 0)
            return -1;
        drop_fd(&fd);
        if (message.type == type)
            return 0;
    }
}

void sync_await_end(int socket)
{
    struct sync_message message;
    int fd;
    while (sync_receive(socket, &message, &fd, 0) > 0)
        drop_fd(&fd);
}
