#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach-output.h"
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

void attach_drop_client(struct attach_client *client)
{
    drop_fd(&client->fd);
    client->slot = -1;
}

void attach_close(struct attach *attach)
{
    drop_fd(&attach->listener);
    for (int i = 0; i < ATTACH_CLIENTS; i++)
        attach_drop_client(&attach->clients[i]);
}

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
        bool sends = client->start < client->end || attach_has_backlog(attach, client);
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
    proto_put_u32(payload, flags);
    attach_queue_frame(client, TSMAN_MSG_ATTACHED, payload, sizeof(payload));
    attach_send_rest(attach, client);
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
    attach_drop_client(client);
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
