/*
 * Bytes between the container and the caller: descriptors 0, 1, 2, a pty or three
 * pipes, and the log.  Monitor only, with the caller's ids, outside of all
 * namespaces.
 *
 * The caller's descriptors share their open file description with the caller and
 * often with its shell, so O_NONBLOCK must not be set on them: pipes and
 * terminals are opened anew through /proc/self/fd, sockets are used with
 * MSG_DONTWAIT, regular files as they are; what is left is polled before each
 * small read or write.
 *
 * Buffers are bounded and static.  While the reader of a stream is slow its pipe
 * is not read, and the program blocks, as it would without us; nothing else does.
 * A reader that is gone (EPIPE) is forgotten and the container goes on.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach.h"
#include "detach-keys.h"
#include "log.h"

enum io_kind {
    IO_NONBLOCK, /* an open file description of our own */
    IO_SOCKET,
    IO_FILE,
    IO_CAREFUL,
};

struct io_stream {
    int source, sink; /* -1: closed, or none; owned */
    enum io_kind source_kind, sink_kind;
    uint8_t *buffer;
    size_t size, start, end;    /* bytes start..end are to be written */
    const char *log_name;       /* NULL: not logged */
    int source_slot, sink_slot; /* index into the pollfds, -1: not polled */
};

/* Those of the streams, then those of the attach socket. */
#define IO_STREAM_POLLFDS 6
#define IO_POLLFDS        (IO_STREAM_POLLFDS + ATTACH_POLLFDS)

struct io {
    struct io_stream in, out, err;
    struct log log;
    struct attach attach;
    size_t attach_slot; /* where its pollfds begin */
    struct detach_keys detach;
    bool tty;       /* out is the master of a pty, and so is in's sink */
    bool typed;     /* the caller's stdin is a terminal: somebody types there */
    bool detached;  /* set when the detach keys were typed; the monitor resets it */
    bool finishing; /* the program has ended: what can be read now is all */
    int log_error;  /* errno of the first log write that failed, for one WARNING */
    bool log_warned;
    int64_t end_at; /* when the end of input is typed next, 0: never (io_type_end) */
    int end_pause;  /* milliseconds until the one after it */
    bool open_line; /* the caller's input does not end in a newline */
};

void io_init(struct io *io);

/* The container's ends: descriptors for the program's 0, 1, 2, or -1. */
int io_make_pipes(struct io *io, bool with_stdin, int program[3]);
void io_set_terminal(struct io *io, int master);

/* The caller's ends: descriptor 0 if `with_stdin`, 1, and 2. */
void io_connect_caller(struct io *io, bool with_stdin);
/* Forgets them, and what was not written yet: output goes to the log only. */
void io_disconnect_caller(struct io *io);

/* For the program's stdin, from a client of the attach socket: while
   io_takes_input() says so, bytes that were put into the buffer are taken. */
bool io_takes_input(const struct io *io);
uint8_t *io_input_buffer(struct io *io, size_t *size);
void io_take_input(struct io *io, size_t length);
/* After the end of a stdin that is no terminal: types the end-of-file character at
   the container's when it is time, in milliseconds of the monotonic clock.  Again and
   again: the program may set its terminal up only now, which forgets what was typed,
   and each program that reads there wants to see the end. */
void io_type_end(struct io *io, int64_t now);
/* Milliseconds until then; -1: never. */
int io_timeout(const struct io *io, int64_t now);

/* The program reads an end of file; a terminal has none. */
void io_end_input(struct io *io);

size_t io_prepare_poll(struct io *io, struct pollfd *fds);
/* Moves bytes; call it after poll(2), or any time: it never blocks. */
void io_pump(struct io *io, const struct pollfd *fds);

/* The program has ended; io_done() says when all its output has been written. */
void io_finish(struct io *io);
bool io_done(const struct io *io);
/* True when all output was read and logged, written to the caller or not. */
bool io_logged(const struct io *io);
