/* How the monitor and init speak with each other, where others may hold one end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../facts.h"
#include "../kernel.h"
#include "../order.h"
#include "../sync.h"
#include "test.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* 1 it lives, 0 it has ended; -1 the kernel names nobody (Linux before 6.5, or of who has ended).
 */
static int maker_lives(int socket)
{
    int maker = -1;
    socklen_t size = sizeof(maker);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &maker, &size) < 0 || maker < 0)
        return -1;
    struct pollfd ended = {.fd = maker, .events = POLLIN};
    int lives = poll(&ended, 1, 0) == 0;
    close(maker);
    return lives;
}

TEST(anonymous, "a pair of nobody's works, and names no process that lives")
{
    int pairs[2][2], own[2], fd;
    struct sync_message message;
    CHECK(sync_anonymous_pairs(pairs, 2) == 0);
    CHECK(sync_pair(own) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(fcntl(pairs[i][0], F_GETFD) == FD_CLOEXEC);
        CHECK(sync_send(pairs[i][1], SYNC_INIT_PID, 7 + i, -1) == 0);
        CHECK(sync_receive(pairs[i][0], &message, &fd, 0) == 1);
        CHECK(message.type == SYNC_INIT_PID && message.value == 7 + i && fd == -1);
        CHECK(maker_lives(pairs[i][0]) <= 0);
        CHECK(maker_lives(pairs[i][1]) <= 0);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    /* One of ours does. */
    CHECK(maker_lives(own[1]) != 0);
    close(own[0]);
    close(own[1]);
}

TEST(orders, "an order comes whole, others are passed over, and an end is one")
{
    int pipe[2];
    struct failure failure = {0};
    struct order status = {.type = ORDER_STATUS, .group_count = 3}, got;
    status.value[BOUNDING] = 0x1234567890;
    CHECK(order_pipe(pipe) == 0);
    CHECK(order_give_type(pipe[1], ORDER_GO_ON, &failure) == 0);
    CHECK(order_give(pipe[1], &status, &failure) == 0);
    CHECK(order_give_type(pipe[1], ORDER_START, &failure) == 0);
    CHECK(order_await(pipe[0], ORDER_STATUS, &got) == 0);
    CHECK(got.value[BOUNDING] == 0x1234567890 && got.group_count == 3);
    CHECK(order_receive(pipe[0], &got) == 0 && got.type == ORDER_START);
    /* Of somebody else. */
    CHECK(write(pipe[1], &status, 9) == 9);
    CHECK(order_give_type(pipe[1], ORDER_START, &failure) == 0);
    CHECK(order_receive(pipe[0], &got) == -1);
    CHECK(order_receive(pipe[0], &got) == 0 && got.type == ORDER_START);
    close(pipe[1]);
    CHECK(order_receive(pipe[0], &got) == -1);
    close(pipe[0]);
}

TEST(full, "an order that has no room keeps nobody waiting")
{
    int pipe[2];
    struct failure failure = {0};
    char bytes[4096] = "";
    CHECK(order_pipe(pipe) == 0);
    while (write(pipe[1], bytes, sizeof(bytes)) > 0)
        ;
    CHECK(order_give_type(pipe[1], ORDER_START, &failure) == -1 && failure.errnum == EAGAIN);
    close(pipe[0]);
    close(pipe[1]);
}

TEST(asked, "what the system calls say of a process is what its status says")
{
    struct facts told, asked;
    CHECK(facts_read_of("self", &told) == 0);
    CHECK(facts_ask(&asked) == 0);
    for (int i = INHERITABLE; i <= NO_NEW_PRIVS; i++)
        CHECK(asked.value[i] == told.value[i]);
    CHECK(memcmp(asked.uid, told.uid, sizeof(told.uid)) == 0);
    CHECK(memcmp(asked.gid, told.gid, sizeof(told.gid)) == 0);
    CHECK(asked.group_count == told.group_count);
    facts_release(&asked);
    facts_release(&told);
}
