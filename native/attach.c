#include "attach.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "proto.h"
#include "protocol.h"

static uint8_t frames[ATTACH_CLIENTS][8 + ATTACH_FRAME];

void attach_init(struct attach *attach)
{
    attach->listener = attach->listener_slot = -1;
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        attach->clients[i].fd = attach->clients[i].slot = -1;
        attach->clients[i].frame = frames[i];
    }
}

int attach_listen(struct attach *attach, int directory, struct failure *failure)
{
    /* A path of the store may be longer than sun_path. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach", directory);
    unlinkat(directory, "attach", 0);
    attach->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (attach->listener < 0 ||
        bind(attach->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(attach->listener, 8 * ATTACH_CLIENTS) < 0)
        return fail(failure, errno, "listen", "attach");
    return 0;
}

static void drop_client(struct attach_client *client)
{
    drop_fd(&client->fd);
    client->slot = -1;
}

void attach_close(struct attach *attach)
{
    drop_fd(&attach->listener);
    for (int i = 0; i < ATTACH_CLIENTS; i++)
        drop_client(&attach->clients[i]);
}

/* ---- output ---------------------------------------------------------------- */

static void put_u32(uint8_t *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(value >> (8 * i));
}

/* Into the client's own buffer, which is empty. */
static void queue_frame(struct attach_client *client, uint32_t type, const uint8_t *payload,
                        uint32_t size)
{
    put_u32(client->frame, type);
    put_u32(client->frame + 4, size);
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
static bool send_rest(const struct attach *attach, struct attach_client *client)
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
    put_u32(header, stream == ATTACH_OUT ? TSMAN_MSG_STDOUT : TSMAN_MSG_STDERR);
    put_u32(header + 4, (uint32_t)size);
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

static bool has_backlog(const struct attach *attach, const struct attach_client *client)
{
    for (int i = 0; i < ATTACH_STREAMS; i++) {
        if (client->position[i] < attach->length[i])
            return true;
    }
    return false;
}

static void flush_client(const struct attach *attach, struct attach_client *client)
{
    if (client->deaf || !send_rest(attach, client))
        return;
    if (client->slow) {
        int unread = 0;
        if (ioctl(client->fd, SIOCOUTQ, &unread) < 0 || unread > 0)
            return;
        client->slow = false;
    }
    if (client->lost > 0) {
        uint8_t payload[8];
        put_u32(payload, (uint32_t)client->lost);
        put_u32(payload + 4, (uint32_t)(client->lost >> 32));
        client->lost = 0;
        queue_frame(client, TSMAN_MSG_LOST, payload, sizeof(payload));
        if (!send_rest(attach, client))
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
        if (!has_backlog(attach, client)) {
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
        if (client->fd < 0 || !has_backlog(attach, client))
            continue;
        int64_t left = client->waiting == 0 ? 0 : client->waiting + ATTACH_PATIENCE - now;
        if (left < 0)
            left = 0;
        if (least < 0 || left < least)
            least = left;
    }
    return (int)least;
}

/* ---- clients ---------------------------------------------------------------- */

size_t attach_prepare_poll(struct attach *attach, struct pollfd *fds, bool takes_input)
{
    size_t count = 0;
    bool has_room = false;
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        struct attach_client *client = &attach->clients[i];
        client->slot = -1;
        if (client->fd < 0) {
            has_room = true;
            continue;
        }
        bool sends = client->start < client->end || has_backlog(attach, client);
        /* Neither: it is not polled at all, since a hang-up cannot be masked out and
           would be reported for ever. */
        short events = (short)((takes_input ? POLLIN : 0) | (sends ? POLLOUT : 0));
        if (events == 0)
            continue;
        client->slot = (int)count;
        fds[count++] = (struct pollfd){.fd = client->fd, .events = events};
    }
    attach->listener_slot = -1;
    if (attach->listener >= 0 && has_room) {
        attach->listener_slot = (int)count;
        fds[count++] = (struct pollfd){.fd = attach->listener, .events = POLLIN};
    }
    return count;
}

bool attach_is_readable(const struct attach_client *client, const struct pollfd *fds)
{
    return client->fd >= 0 && client->slot >= 0 &&
           (fds[client->slot].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

static bool may_attach(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

void attach_accept(struct attach *attach, const struct pollfd *fds, uint32_t flags)
{
    if (attach->listener_slot < 0 || fds[attach->listener_slot].revents == 0)
        return;
    struct attach_client *client = attach->clients;
    while (client < attach->clients + ATTACH_CLIENTS && client->fd >= 0)
        client++;
    if (client == attach->clients + ATTACH_CLIENTS)
        return;
    int fd = accept4(attach->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        /* Out of descriptors: it would be asked about again at once, for ever. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            drop_fd(&attach->listener);
        return;
    }
    if (!may_attach(fd)) {
        close(fd);
        return;
    }
    client->fd = fd;
    client->slot = -1;
    client->deaf = client->slow = false;
    client->waiting = 0;
    client->lost = 0;
    client->have = 0;
    client->stdin_left = 0;
    /* It sees what is written from now on. */
    for (int i = 0; i < ATTACH_STREAMS; i++)
        client->position[i] = attach->length[i];
    uint8_t payload[4];
    put_u32(payload, flags);
    queue_frame(client, TSMAN_MSG_ATTACHED, payload, sizeof(payload));
    send_rest(attach, client);
}

/* The payload of each frame that a client may send, or -1. */
static int payload_size(uint32_t type, uint32_t length)
{
    switch (type) {
    case TSMAN_MSG_STDIN:
        return length <= TSMAN_MAX_FRAME_BYTES ? 0 : -1;
    case TSMAN_MSG_STDIN_EOF:
        return length == 0 ? 0 : -1;
    case TSMAN_MSG_SIGNAL:
    case TSMAN_MSG_RESIZE:
        return length == 4 ? 4 : -1;
    default:
        return -1;
    }
}

static ssize_t receive(const struct attach_client *client, uint8_t *to, size_t size)
{
    ssize_t got;
    do
        got = recv(client->fd, to, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

static int gone(struct attach_client *client)
{
    drop_client(client);
    return -1;
}

int attach_next(struct attach_client *client, uint8_t *buffer, size_t size,
                struct attach_input *input)
{
    for (;;) {
        if (client->stdin_left > 0) {
            size_t most = client->stdin_left < size ? client->stdin_left : size;
            ssize_t got = receive(client, buffer, most);
            if (got < 0 && errno == EAGAIN)
                return 0;
            if (got <= 0)
                return gone(client);
            client->stdin_left -= (uint32_t)got;
            *input = (struct attach_input){.type = TSMAN_MSG_STDIN, .length = (size_t)got};
            return 1;
        }
        size_t want = 8;
        if (client->have >= 8) {
            uint32_t type = proto_u32(client->head), length = proto_u32(client->head + 4);
            int small = payload_size(type, length);
            if (small < 0)
                return gone(client);
            want = 8 + (size_t)small;
            if (client->have == want) {
                client->have = 0;
                if (type == TSMAN_MSG_STDIN) {
                    client->stdin_left = length;
                    continue;
                }
                const uint8_t *payload = client->head + 8;
                *input = (struct attach_input){.type = type};
                if (type == TSMAN_MSG_SIGNAL)
                    input->number = proto_u32(payload);
                if (type == TSMAN_MSG_RESIZE) {
                    input->rows = proto_u16(payload);
                    input->columns = proto_u16(payload + 2);
                }
                return 1;
            }
        }
        ssize_t got = receive(client, client->head + client->have, want - client->have);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            return gone(client);
        client->have += (size_t)got;
    }
}

/* ---- end -------------------------------------------------------------------- */

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
    if (client->slow || client->start < client->end || has_backlog(attach, client))
        return client->deaf;
    if (!*told) {
        uint8_t payload[4];
        put_u32(payload, (uint32_t)status);
        *told = true;
        queue_frame(client, TSMAN_MSG_EXITED, payload, sizeof(payload));
    }
    return send_rest(attach, client) || client->deaf;
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
                drop_client(client);
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
