#include "proto.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory.h"
#include "protocol.h"

uint32_t proto_u32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint16_t proto_u16(const uint8_t *b)
{
    return (uint16_t)(b[0] | b[1] << 8);
}

void proto_put_u32(uint8_t *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(value >> (8 * i));
}

/* The caller's end may be non-blocking, and with a socket pair of Node's making so
   is ours: wait for the data. */
static int read_fully(int fd, void *buffer, size_t size)
{
    uint8_t *at = buffer;
    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
            continue;
        }
        if (got == 0) {
            errno = ECONNRESET;
            return -1;
        }
        if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

int proto_read_launch(struct proto *proto, uint8_t **payload, size_t *size, struct failure *failure)
{
    uint8_t header[8];
    if (read_fully(proto->fd, header, sizeof(header)) < 0)
        return fail(failure, errno, "read", "control socket");
    uint32_t type = proto_u32(header), length = proto_u32(header + 4);
    if (type != TSMAN_MSG_LAUNCH)
        return fail(failure, EPROTO, "read launch", "first frame is of type %u", type);
    if (length > TSMAN_MAX_FRAME_BYTES)
        return fail(failure, E2BIG, "read launch", "frame of %u bytes (TSMAN_MAX_FRAME_BYTES: %u)",
                    length, TSMAN_MAX_FRAME_BYTES);
    if (length == 0)
        return fail(failure, EBADMSG, "read launch", "empty plan");
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return fail(failure, errno, "allocate", "%u bytes", length);
    if (read_fully(proto->fd, memory, length) < 0) {
        int error = errno;
        munmap(memory, length);
        return fail(failure, error, "read", "control socket");
    }
    *payload = memory;
    *size = length;
    return 0;
}

int proto_next(struct proto *proto, struct proto_frame *frame)
{
    if (proto->fd < 0)
        return -1;
    for (;;) {
        size_t want = 8;
        if (proto->have >= 8) {
            frame->type = proto_u32(proto->buffer);
            frame->length = proto_u32(proto->buffer + 4);
            if (frame->length > PROTO_MAX_COMMAND)
                break;
            want = 8 + frame->length;
            if (proto->have == want) {
                frame->payload = proto->buffer + 8;
                proto->have = 0;
                return 1;
            }
        }
        ssize_t got =
            recv(proto->fd, proto->buffer + proto->have, want - proto->have, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            break;
        proto->have += (size_t)got;
    }
    drop_fd(&proto->fd);
    return -1;
}

void proto_send(struct proto *proto, uint32_t type, const void *payload, size_t size)
{
    uint8_t header[8];
    proto_put_u32(header, type);
    proto_put_u32(header + 4, (uint32_t)size);
    struct iovec parts[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)payload, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t left = sizeof(header) + size;
    while (proto->fd >= 0 && left > 0) {
        ssize_t sent = sendmsg(proto->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            /* All frames together fit the socket's buffer many times: a caller that
               has not read them for a second is as good as gone. */
            struct pollfd wait = {.fd = proto->fd, .events = POLLOUT};
            if (poll(&wait, 1, 1000) > 0)
                continue;
        }
        if (sent < 0) {
            /* Whatever followed a frame that is not whole would be taken for the rest of
               it.  Not closed: proto_next() has to see the end. */
            shutdown(proto->fd, SHUT_RDWR);
            return;
        }
        left -= (size_t)sent;
        for (int i = 0; i < 2; i++) {
            size_t taken = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (uint8_t *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            sent -= (ssize_t)taken;
        }
    }
}

void proto_send_created(struct proto *proto, pid_t pid, uint64_t start_time)
{
    uint8_t payload[12];
    proto_put_u32(payload, (uint32_t)pid);
    proto_put_u32(payload + 4, (uint32_t)start_time);
    proto_put_u32(payload + 8, (uint32_t)(start_time >> 32));
    proto_send(proto, TSMAN_MSG_CREATED, payload, sizeof(payload));
}

void proto_send_caller(struct proto *proto, pid_t pid)
{
    uint8_t payload[4];
    proto_put_u32(payload, (uint32_t)pid);
    proto_send(proto, TSMAN_MSG_CALLER, payload, sizeof(payload));
}

static size_t failed_payload(uint8_t *payload, const struct failure *failure)
{
    size_t used = 8;
    proto_put_u32(payload, (uint32_t)failure->step);
    proto_put_u32(payload + 4, (uint32_t)failure->errnum);
    const char *texts[] = {failure->stage, failure->operation, failure->object, failure->detail};
    /* What comes from a container's processes may lack its end. */
    static const size_t sizes[] = {sizeof(failure->stage), sizeof(failure->operation),
                                   sizeof(failure->object), sizeof(failure->detail)};
    for (size_t i = 0; i < 4; i++) {
        size_t length = strnlen(texts[i], sizes[i] - 1);
        memcpy(payload + used, texts[i], length);
        payload[used + length] = '\0';
        used += length + 1;
    }
    return used;
}

void proto_send_failed(struct proto *proto, const struct failure *failure)
{
    uint8_t payload[sizeof(*failure)];
    size_t used = failed_payload(payload, failure);
    proto_send(proto, TSMAN_MSG_FAILED, payload, used);
}

size_t proto_failed_frame(uint8_t frame[PROTO_FAILED_MAX], const struct failure *failure)
{
    size_t used = failed_payload(frame + 8, failure);
    proto_put_u32(frame, TSMAN_MSG_FAILED);
    proto_put_u32(frame + 4, (uint32_t)used);
    return used + 8;
}

void proto_send_exited(struct proto *proto, int status)
{
    uint8_t payload[4];
    proto_put_u32(payload, (uint32_t)status);
    proto_send(proto, TSMAN_MSG_EXITED, payload, sizeof(payload));
}

void proto_send_warning(struct proto *proto, const char *text)
{
    proto_send(proto, TSMAN_MSG_WARNING, text, strlen(text) + 1);
}
