#include "../listener-relay.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../memory.h"
#include "../passed-fd.h"
#include "test.h"

static bool send_descriptor(int socket, int fd)
{
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union passed_fd room;
    passed_fd_put(&message, &room, fd);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

/* How many bytes came; `fd`: what came with them. */
static ssize_t receive_descriptor(int socket, int *fd)
{
    char byte;
    struct iovec part = {&byte, 1};
    union passed_fd room;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &room,
                             .msg_controllen = sizeof(room.space)};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    *fd = got < 0 ? -1 : passed_fd_take(&message);
    return got;
}

TEST(one_descriptor, "a listener's relay hands on one descriptor, and ends at the second")
{
    int ends[2], first, second;
    struct failure failure = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    cleanup_close int agent = ends[0];
    int connection = ends[1];
    CHECK(listener_relay(&connection, &failure) == 0);
    cleanup_close int init = connection;
    CHECK(send_descriptor(init, STDERR_FILENO));
    CHECK(receive_descriptor(agent, &first) == 1);
    CHECK(first >= 0);
    close(first);
    CHECK(send_descriptor(init, STDERR_FILENO));
    CHECK(receive_descriptor(agent, &second) == 0);
    CHECK(second < 0);
    int status;
    CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

TEST(ends_with_init, "a listener's relay ends with init's end, and names nobody of ours")
{
    int ends[2], none;
    struct failure failure = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    cleanup_close int agent = ends[0];
    int connection = ends[1];
    CHECK(listener_relay(&connection, &failure) == 0);
    struct ucred peer;
    socklen_t length = sizeof(peer);
    CHECK(getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0);
    CHECK(peer.pid != getpid());
    close(connection);
    CHECK(receive_descriptor(agent, &none) == 0);
    int status;
    CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
