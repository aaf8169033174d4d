/* The attach socket: what clients get, and what they cannot do to others. */
#include "../attach.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../memory.h"
#include "../proto.h"
#include "../protocol.h"
#include "test.h"

static struct attach attach;
static int directory = -1;

static void begin(void)
{
    struct failure failure = {0};
    if (directory >= 0) {
        attach_close(&attach);
        close(directory);
    }
    memset(&attach, 0, sizeof(attach));
    attach_init(&attach);
    directory = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (attach_listen(&attach, directory, &failure) < 0)
        abort();
}

/* A client that is let in; its end does not block. */
static int join(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct pollfd fds[ATTACH_POLLFDS];
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    size_t count = attach_prepare_poll(&attach, fds, true);
    if (poll(fds, count, 1000) > 0)
        attach_accept(&attach, fds, 3);
    return fd;
}

/* The next frame: its type, 0 at the end of the connection, -1 for nothing now. */
static int64_t next_frame(int fd, uint8_t *payload, uint32_t *length)
{
    uint8_t head[8];
    ssize_t got = recv(fd, head, sizeof(head), 0);
    if (got <= 0)
        return got;
    *length = proto_u32(head + 4);
    for (uint32_t have = 0; have < *length;) {
        got = recv(fd, payload + have, *length - have, 0);
        if (got <= 0)
            return -2;
        have += (uint32_t)got;
    }
    return proto_u32(head);
}

static uint8_t payload[1 << 20];
static uint32_t length;

static int64_t frame_type(int fd)
{
    return next_frame(fd, payload, &length);
}

static bool is_text(const char *text)
{
    return length == strlen(text) && memcmp(payload, text, length) == 0;
}

static void offer(const char *text)
{
    attach_offer(&attach, ATTACH_OUT, (const uint8_t *)text, strlen(text));
}

TEST(several_clients, "each client gets all output from its coming on")
{
    begin();
    int first = join();
    offer("one");
    int second = join();
    offer("two");
    CHECK(frame_type(first) == TSMAN_MSG_ATTACHED && length == 4 && proto_u32(payload) == 3);
    CHECK(frame_type(first) == TSMAN_MSG_STDOUT && is_text("one"));
    CHECK(frame_type(first) == TSMAN_MSG_STDOUT && is_text("two"));
    CHECK(frame_type(second) == TSMAN_MSG_ATTACHED);
    CHECK(frame_type(second) == TSMAN_MSG_STDOUT && is_text("two"));
    CHECK(!attach_is_pending(&attach, ATTACH_OUT));
    close(first);
    close(second);
}

TEST(streams_are_told_apart, "stderr comes in frames of its own")
{
    begin();
    int client = join();
    attach_offer(&attach, ATTACH_ERR, (const uint8_t *)"oops", 4);
    CHECK(frame_type(client) == TSMAN_MSG_ATTACHED);
    CHECK(frame_type(client) == TSMAN_MSG_STDERR && is_text("oops"));
    close(client);
}

static uint8_t flood[256 << 10];

TEST(slow_client, "a client that does not read is waited for once, then loses output and is told")
{
    begin();
    int client = join();
    uint64_t given = 0, seen = 0;
    int64_t now = 1000;
    for (int i = 0; i < 8; i++) {
        attach_offer(&attach, ATTACH_OUT, flood, sizeof(flood));
        given += sizeof(flood);
        if (i == 0)
            CHECK(attach_is_pending(&attach, ATTACH_OUT));
        attach_flush(&attach, now);
        if (i == 0)
            CHECK(attach_timeout(&attach, now) == ATTACH_PATIENCE);
        now += ATTACH_PATIENCE;
        attach_flush(&attach, now);
        CHECK(!attach_is_pending(&attach, ATTACH_OUT));
        CHECK(attach_timeout(&attach, now) == -1);
    }
    CHECK(frame_type(client) == TSMAN_MSG_ATTACHED);
    int64_t type;
    bool told = false;
    for (int empty = 0; empty < 3 && !told; empty++) {
        while ((type = frame_type(client)) == TSMAN_MSG_STDOUT)
            seen += length;
        if (type == -1 || type == -2)
            attach_flush(&attach, now);
        told = type == TSMAN_MSG_LOST;
    }
    CHECK(told);
    CHECK(length == 8);
    CHECK(seen + proto_u32(payload) == given);
    offer("again");
    CHECK(frame_type(client) == TSMAN_MSG_STDOUT && is_text("again"));
    close(client);
}

TEST(slow_beside_fast, "a slow client takes nothing from another one")
{
    begin();
    int slow = join(), fast = join();
    int64_t now = 1;
    uint64_t seen = 0;
    CHECK(frame_type(fast) == TSMAN_MSG_ATTACHED);
    for (int i = 0; i < 4; i++) {
        attach_offer(&attach, ATTACH_OUT, flood, sizeof(flood));
        while (seen < (uint64_t)(i + 1) * sizeof(flood)) {
            attach_flush(&attach, now);
            /* The frames may be cut in the middle: count bytes of the stream. */
            ssize_t got = recv(fast, payload, sizeof(payload), 0);
            if (got > 0)
                seen += (uint64_t)got;
            else
                break;
        }
        now += ATTACH_PATIENCE;
        attach_flush(&attach, now);
        attach_flush(&attach, now + ATTACH_PATIENCE);
    }
    CHECK(!attach.clients[1].slow);
    CHECK(attach.clients[0].slow);
    close(slow);
    close(fast);
}

TEST(dead_client, "a client that is gone is no obstacle")
{
    begin();
    int client = join();
    close(client);
    offer("to nobody");
    CHECK(!attach_is_pending(&attach, ATTACH_OUT));
    struct attach_input input;
    CHECK(attach_next(&attach.clients[0], payload, sizeof(payload), &input) == -1);
    CHECK(attach.clients[0].fd < 0);
}

static void send_words(int fd, uint32_t type, uint32_t size)
{
    uint8_t head[8];
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(type >> (8 * i));
        head[4 + i] = (uint8_t)(size >> (8 * i));
    }
    if (send(fd, head, sizeof(head), MSG_NOSIGNAL) != sizeof(head))
        abort();
}

TEST(input, "input, its end, signals and sizes are told apart, in pieces too")
{
    begin();
    int client = join();
    struct attach_client *there = &attach.clients[0];
    struct attach_input got;
    send_words(client, TSMAN_MSG_STDIN, 6);
    CHECK(send(client, "abc", 3, 0) == 3);
    CHECK(attach_next(there, payload, 2, &got) == 1);
    CHECK(got.type == TSMAN_MSG_STDIN && got.length == 2 && memcmp(payload, "ab", 2) == 0);
    CHECK(attach_next(there, payload, 64, &got) == 1);
    CHECK(got.length == 1 && payload[0] == 'c');
    CHECK(attach_next(there, payload, 64, &got) == 0);
    CHECK(send(client, "def", 3, 0) == 3);
    CHECK(attach_next(there, payload, 64, &got) == 1 && got.length == 3);
    send_words(client, TSMAN_MSG_RESIZE, 4);
    CHECK(send(client, "\x18\0\x50\0", 4, 0) == 4);
    CHECK(attach_next(there, payload, 64, &got) == 1);
    CHECK(got.type == TSMAN_MSG_RESIZE && got.rows == 24 && got.columns == 80);
    send_words(client, TSMAN_MSG_SIGNAL, 4);
    CHECK(send(client, "\x0f\0\0\0", 4, 0) == 4);
    CHECK(attach_next(there, payload, 64, &got) == 1);
    CHECK(got.type == TSMAN_MSG_SIGNAL && got.number == 15);
    send_words(client, TSMAN_MSG_STDIN_EOF, 0);
    CHECK(attach_next(there, payload, 64, &got) == 1 && got.type == TSMAN_MSG_STDIN_EOF);
    close(client);
}

TEST(malformed_frames, "frames that make no sense end their connection and no other")
{
    const uint32_t wrong[][2] = {{TSMAN_MSG_STDIN, TSMAN_MAX_FRAME_BYTES + 1},
                                 {TSMAN_MSG_STDIN, ~0u},
                                 {TSMAN_MSG_STDIN_EOF, 1},
                                 {TSMAN_MSG_SIGNAL, 3},
                                 {TSMAN_MSG_RESIZE, 8},
                                 {TSMAN_MSG_LAUNCH, 4},
                                 {TSMAN_MSG_STDOUT, 4},
                                 {0, 0},
                                 {~0u, ~0u}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin();
        int bad = join(), good = join();
        struct attach_input got;
        send_words(bad, wrong[i][0], wrong[i][1]);
        CHECK(attach_next(&attach.clients[0], payload, 64, &got) == -1);
        offer("on");
        CHECK(frame_type(good) == TSMAN_MSG_ATTACHED);
        CHECK(frame_type(good) == TSMAN_MSG_STDOUT && is_text("on"));
        CHECK(frame_type(bad) == TSMAN_MSG_ATTACHED && frame_type(bad) == 0);
        close(bad);
        close(good);
    }
}

TEST(too_many, "more clients than there is room for wait at the door")
{
    begin();
    int clients[ATTACH_CLIENTS + 1];
    struct pollfd fds[ATTACH_POLLFDS];
    for (int i = 0; i <= ATTACH_CLIENTS; i++)
        clients[i] = join();
    for (int i = 0; i < ATTACH_CLIENTS; i++)
        CHECK(frame_type(clients[i]) == TSMAN_MSG_ATTACHED);
    CHECK(frame_type(clients[ATTACH_CLIENTS]) == -1);
    struct attach_input got;
    close(clients[3]);
    CHECK(attach_next(&attach.clients[3], payload, 64, &got) == -1);
    size_t count = attach_prepare_poll(&attach, fds, true);
    CHECK(poll(fds, count, 1000) > 0);
    attach_accept(&attach, fds, 0);
    CHECK(frame_type(clients[ATTACH_CLIENTS]) == TSMAN_MSG_ATTACHED);
    for (int i = 0; i <= ATTACH_CLIENTS; i++)
        close(clients[i]);
}

TEST(nothing_to_poll, "a client whose input is not wanted now is not polled")
{
    begin();
    int client = join();
    struct pollfd fds[ATTACH_POLLFDS];
    CHECK(attach_prepare_poll(&attach, fds, false) == 1);
    CHECK(attach_prepare_poll(&attach, fds, true) == 2);
    close(client);
}

TEST(end, "the end comes after all output, and closes")
{
    begin();
    int client = join();
    offer("last words");
    attach_finish(&attach, 0x0300);
    CHECK(frame_type(client) == TSMAN_MSG_ATTACHED);
    CHECK(frame_type(client) == TSMAN_MSG_STDOUT && is_text("last words"));
    CHECK(frame_type(client) == TSMAN_MSG_EXITED && length == 4 && proto_u32(payload) == 0x0300);
    CHECK(frame_type(client) == 0);
    close(client);
}

TEST(end_of_the_slow, "the end is not held up by a client that does not read")
{
    begin();
    int client = join();
    attach_offer(&attach, ATTACH_OUT, flood, sizeof(flood));
    CHECK(attach_is_pending(&attach, ATTACH_OUT));
    attach_finish(&attach, 0);
    CHECK(attach.clients[0].fd < 0 && attach.listener < 0);
    close(client);
}
