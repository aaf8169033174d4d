#include "attach-output.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "memory.h"
#include "proto.h"
#include "protocol.h"

/* Into the client's own buffer, which is empty. */
void attach_queue_frame(struct attach_client *client, uint32_t type, const uint8_t *payload,
                        uint32_t size)
{
    proto_put_u32(client->frame, type);
    proto_put_u32(client->frame + 4, size);
    memcpy(client->frame + 8, payload, size);
    client->start = 0;
    client->end = 8 + size;
}

/* Nobody reads there; what it has still to say is heard. */
static void deafen(const struct attach *attach, struct attach_client *client)
{
    client->deaf = true;
    client->start = client->end = 0;
    client->lost = 0;
    client->waiting = 0;
    for (int i = 0; i < ATTACH_STREAMS; i++)
        client->position[i] = attach->length[i];
}

/* True when the frame that was begun is sent. */
bool attach_send_rest(const struct attach *attach, struct attach_client *client)
{
    while (client->start < client->end) {
        ssize_t sent = send(client->fd, client->frame + client->start, client->end - client->start,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno != EAGAIN)
                deafen(attach, client);
            return false;
        }
        client->start += (size_t)sent;
    }
    client->start = client->end = 0;
    return true;
}

/* One frame of a stream; true when all of it is sent. */
static bool send_output(const struct attach *attach, struct attach_client *client, int stream)
{
    const uint8_t *data = attach->data[stream] + client->position[stream];
    size_t left = attach->length[stream] - client->position[stream];
    size_t size = left < ATTACH_FRAME ? left : ATTACH_FRAME;
    uint8_t header[8];
    proto_put_u32(header, stream == ATTACH_OUT ? TSMAN_MSG_STDOUT : TSMAN_MSG_STDERR);
    proto_put_u32(header + 4, (uint32_t)size);
    struct iovec parts[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            deafen(attach, client);
        return false;
    }
    client->position[stream] += size;
    client->moved = true;
    if ((size_t)sent == sizeof(header) + size)
        return true;
    memcpy(client->frame, header, sizeof(header));
    memcpy(client->frame + sizeof(header), data, size);
    client->start = (size_t)sent;
    client->end = sizeof(header) + size;
    return false;
}

bool attach_has_backlog(const struct attach *attach, const struct attach_client *client)
{
    for (int i = 0; i < ATTACH_STREAMS; i++) {
        if (client->position[i] < attach->length[i])
            return true;
    }
    return false;
}

static void flush_client(const struct attach *attach, struct attach_client *client)
{
    if (client->deaf || !attach_send_rest(attach, client))
        return;
    if (client->slow) {
        int unread = 0;
        if (ioctl(client->fd, SIOCOUTQ, &unread) < 0 || unread > 0)
            return;
        client->slow = false;
    }
    if (client->lost > 0) {
        uint8_t payload[8];
        proto_put_u32(payload, (uint32_t)client->lost);
        proto_put_u32(payload + 4, (uint32_t)(client->lost >> 32));
        client->lost = 0;
        attach_queue_frame(client, TSMAN_MSG_LOST, payload, sizeof(payload));
        if (!attach_send_rest(attach, client))
            return;
    }
    for (int i = 0; i < ATTACH_STREAMS; i++) {
        while (client->position[i] < attach->length[i]) {
            if (!send_output(attach, client, i))
                return;
        }
    }
}

static void lose_backlog(const struct attach *attach, struct attach_client *client)
{
    for (int i = 0; i < ATTACH_STREAMS; i++) {
        client->lost += attach->length[i] - client->position[i];
        client->position[i] = attach->length[i];
    }
}

void attach_offer(struct attach *attach, int stream, const uint8_t *data, size_t size)
{
    attach->data[stream] = data;
    attach->length[stream] = size;
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        struct attach_client *client = &attach->clients[i];
        client->position[stream] = 0;
        if (client->fd < 0 || client->deaf) {
            client->position[stream] = size;
            continue;
        }
        flush_client(attach, client);
        if (client->slow)
            lose_backlog(attach, client);
    }
}

bool attach_is_pending(const struct attach *attach, int stream)
{
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        const struct attach_client *client = &attach->clients[i];
        if (client->fd >= 0 && client->position[stream] < attach->length[stream])
            return true;
    }
    return false;
}

void attach_flush(struct attach *attach, int64_t now)
{
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        struct attach_client *client = &attach->clients[i];
        if (client->fd < 0)
            continue;
        flush_client(attach, client);
        if (!attach_has_backlog(attach, client)) {
            client->waiting = 0;
        } else if (client->waiting == 0 || client->moved) {
            client->waiting = now;
            client->moved = false;
        } else if (now - client->waiting >= ATTACH_PATIENCE) {
            client->slow = true;
            client->waiting = 0;
            lose_backlog(attach, client);
        }
    }
}

int attach_timeout(const struct attach *attach, int64_t now)
{
    int64_t least = -1;
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        const struct attach_client *client = &attach->clients[i];
        if (client->fd < 0 || !attach_has_backlog(attach, client))
            continue;
        int64_t left = client->waiting == 0 ? 0 : client->waiting + ATTACH_PATIENCE - now;
        if (left < 0)
            left = 0;
        if (least < 0 || left < least)
            least = left;
    }
    return (int)least;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sends what is left; true when the client has everything, or never will. */
static bool finish_client(const struct attach *attach, struct attach_client *client, int status,
                          bool *told)
{
    if (client->deaf)
        return true;
    flush_client(attach, client);
    if (client->slow || client->start < client->end || attach_has_backlog(attach, client))
        return client->deaf;
    if (!*told) {
        uint8_t payload[4];
        proto_put_u32(payload, (uint32_t)status);
        *told = true;
        attach_queue_frame(client, TSMAN_MSG_EXITED, payload, sizeof(payload));
    }
    return attach_send_rest(attach, client) || client->deaf;
}

void attach_finish(struct attach *attach, int status)
{
    bool told[ATTACH_CLIENTS] = {false};
    int64_t until = now_ms() + ATTACH_PATIENCE;
    drop_fd(&attach->listener);
    for (;;) {
        struct pollfd fds[ATTACH_CLIENTS];
        nfds_t count = 0;
        for (int i = 0; i < ATTACH_CLIENTS; i++) {
            struct attach_client *client = &attach->clients[i];
            if (client->fd < 0)
                continue;
            if (finish_client(attach, client, status, &told[i])) {
                attach_drop_client(client);
                continue;
            }
            fds[count++] = (struct pollfd){.fd = client->fd, .events = POLLOUT};
        }
        int64_t left = until - now_ms();
        if (count == 0 || left <= 0)
            break;
        /* A slow client's socket can be written to before it is read empty. */
        poll(fds, count, left < 20 ? (int)left : 20);
    }
    attach_close(attach);
}
