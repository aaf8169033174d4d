/*
 * The attach socket: others who see what a container writes and may write to it
 * while it runs (frames: protocol.h).  Monitor only, with the caller's ids; the
 * run directory is 0700, and each client's uid is checked besides.
 *
 * Output is not copied for the clients: they are sent from io.c's buffers, and a
 * buffer is filled anew when all have it.  So a client that reads loses nothing, and
 * one that takes not even a frame in ATTACH_PATIENCE loses output, is told how much
 * (LOST), and is not waited for again until it has read everything that the kernel
 * keeps for it.
 *
 * A client's input is read only while the program takes it, so a client cannot
 * make the monitor keep any; a frame that makes no sense ends its connection.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ATTACH_CLIENTS  16
#define ATTACH_POLLFDS  (1 + ATTACH_CLIENTS)
#define ATTACH_FRAME    16384u /* bytes of output in one frame */
#define ATTACH_PATIENCE 500    /* milliseconds */

enum { ATTACH_OUT, ATTACH_ERR, ATTACH_STREAMS };

struct attach_client {
    int fd;          /* -1: none; owned */
    int slot;        /* index into the pollfds, -1: not polled */
    bool deaf;       /* it takes no output any more; its input is still read */
    bool slow;       /* not waited for */
    int64_t waiting; /* since when it has taken nothing of its backlog; 0: it has none */
    bool moved;      /* it has taken a frame since it was looked at */
    uint64_t lost;   /* bytes, not told yet */
    size_t position[ATTACH_STREAMS];
    uint8_t *frame;      /* static memory, touched when it is needed */
    size_t start, end;   /* of `frame`: a frame that was sent in part */
    size_t have;         /* bytes of `head` */
    uint32_t stdin_left; /* of a STDIN frame */
    uint8_t head[8 + 4]; /* of an incoming frame, with a small payload */
};

struct attach {
    int listener; /* -1: none; owned */
    int listener_slot;
    const uint8_t *data[ATTACH_STREAMS]; /* what the clients are being given */
    size_t length[ATTACH_STREAMS];
    struct attach_client clients[ATTACH_CLIENTS];
};

void attach_init(struct attach *attach);
/* Makes the socket `attach` in the directory; one that is there is replaced. */
int attach_listen(struct attach *attach, int directory, struct failure *failure);
void attach_close(struct attach *attach);

/* Gives bytes to all clients.  `data` must stay as it is until they have it. */
void attach_offer(struct attach *attach, int stream, const uint8_t *data, size_t size);
bool attach_is_pending(const struct attach *attach, int stream);
/* Sends what can be sent, and loses patience. `now` in milliseconds. */
void attach_flush(struct attach *attach, int64_t now);
/* Milliseconds until attach_flush() has to be called again, or -1. */
int attach_timeout(const struct attach *attach, int64_t now);

/* `takes_input`: the program's stdin can take more now. */
size_t attach_prepare_poll(struct attach *attach, struct pollfd *fds, bool takes_input);
bool attach_is_readable(const struct attach_client *client, const struct pollfd *fds);

/* Lets a new client in, if one is at the door.  `flags` are those of ATTACHED. */
void attach_accept(struct attach *attach, const struct pollfd *fds, uint32_t flags);

/* What has come from a client. */
struct attach_input {
    uint32_t type; /* STDIN, STDIN_EOF, SIGNAL or RESIZE */
    size_t length; /* STDIN: bytes in the caller's buffer */
    uint32_t number;
    uint16_t rows, columns;
};

/* 1: `input` is filled; 0: nothing more now; -1: the client is gone. */
int attach_next(struct attach_client *client, uint8_t *buffer, size_t size,
                struct attach_input *input);

/* The program has ended: sends what is left and EXITED, waiting ATTACH_PATIENCE at
   most, and closes all. */
void attach_finish(struct attach *attach, int status);
