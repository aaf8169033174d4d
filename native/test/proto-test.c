/* Frames to a caller that reads slowly, or not at all. */
#include "../proto.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../protocol.h"
#include "test.h"

static struct proto proto;
static int peer = -1;

static void begin(void)
{
    int sockets[2], size = 1;
    if (peer >= 0)
        close(peer);
    if (proto.fd > 0)
        close(proto.fd);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        abort();
    /* The least that the kernel gives: a few frames. */
    setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    proto = (struct proto){.fd = sockets[0]};
    peer = sockets[1];
}

/* Reads what is there, to the end: how many whole frames, -1 where one is cut off by
   another one, 0x10000 added where the last is cut off by the end. */
static int read_frames(void)
{
    static uint8_t bytes[1 << 20];
    size_t have = 0, at = 0;
    ssize_t got;
    int frames = 0;
    while ((got = recv(peer, bytes + have, sizeof(bytes) - have, MSG_DONTWAIT)) > 0)
        have += (size_t)got;
    while (have - at >= 8) {
        uint32_t type = proto_u32(bytes + at), length = proto_u32(bytes + at + 4);
        if (type != TSMAN_MSG_WARNING && type != TSMAN_MSG_EXITED)
            return -1;
        if (have - at - 8 < length)
            break;
        at += 8 + length;
        frames++;
    }
    return at == have ? frames : frames + 0x10000;
}

TEST(whole_frames, "a caller that does not read gets whole frames and then the end")
{
    static char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    struct proto_frame frame;
    begin();
    for (int i = 0; i < 8; i++)
        proto_send_warning(&proto, text);
    proto_send_exited(&proto, 0);
    int frames = read_frames();
    CHECK(frames > 0);
    CHECK((frames & 0xffff) < 9);
    /* Nothing follows a frame that was cut off or left out: the connection is over. */
    CHECK(proto_next(&proto, &frame) < 0);
    proto_send_exited(&proto, 0);
    char byte;
    CHECK(recv(peer, &byte, 1, MSG_DONTWAIT) == 0);
}

TEST(unread_command, "what a caller has sent before is still heard")
{
    static const uint8_t command[12] = {TSMAN_MSG_SIGNAL, 0, 0, 0, 4, 0, 0, 0, 15, 0, 0, 0};
    static char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    struct proto_frame frame;
    begin();
    CHECK(send(peer, command, sizeof(command), 0) == (ssize_t)sizeof(command));
    for (int i = 0; i < 8; i++)
        proto_send_warning(&proto, text);
    CHECK(proto_next(&proto, &frame) == 1);
    CHECK(frame.type == TSMAN_MSG_SIGNAL);
    CHECK(proto_next(&proto, &frame) < 0);
}

TEST(endless_texts, "a failure whose texts have no end is told within its bounds")
{
    /* Heap memory, where the sanitizer sees each byte too many. */
    struct failure *failure = malloc(sizeof(*failure));
    uint8_t *frame = malloc(PROTO_FAILED_MAX);
    CHECK(failure != NULL && frame != NULL);
    memset(failure, 'A', sizeof(*failure));
    size_t used = proto_failed_frame(frame, failure);
    CHECK(used <= PROTO_FAILED_MAX && proto_u32(frame + 4) == used - 8);
    /* Four texts, each with its end. */
    const char *text = (const char *)frame + 16, *end = (const char *)frame + used;
    int texts = 0;
    for (; text < end; text += strlen(text) + 1)
        texts++;
    CHECK(texts == 4 && text == end);
    free(frame);
    free(failure);
}
