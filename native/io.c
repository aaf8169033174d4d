#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "memory.h"

/* Measured with dd bs=1M: larger ones do not fit the second-level cache. */
#define OUT_SIZE     (256u << 10)
#define ERR_SIZE     (64u << 10)
#define IN_SIZE      (64u << 10)
#define PIPE_SIZE    (1 << 20)
#define CAREFUL_SIZE 512u /* <= PIPE_BUF: does not block after POLLOUT */

/* In .bss: pages that are never touched cost nothing. */
static uint8_t out_buffer[OUT_SIZE], err_buffer[ERR_SIZE];
static uint8_t in_buffer[IN_SIZE + DETACH_KEYS_MAX], in_raw[IN_SIZE];

void io_init(struct io *io)
{
    memset(io, 0, sizeof(*io));
    io->in = (struct io_stream){.source = -1, .sink = -1, .buffer = in_buffer, .size = IN_SIZE};
    io->out = (struct io_stream){
        .source = -1, .sink = -1, .buffer = out_buffer, .size = OUT_SIZE, .log_name = "stdout"};
    io->err = (struct io_stream){
        .source = -1, .sink = -1, .buffer = err_buffer, .size = ERR_SIZE, .log_name = "stderr"};
    log_init(&io->log);
    attach_init(&io->attach);
}

/* A pipe whose `mine` end does not block; returns the program's end. */
static int make_pipe(int *mine, int mine_is_read)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *mine = ends[mine_is_read ? 0 : 1];
    int theirs = ends[mine_is_read ? 1 : 0];
    fcntl(theirs, F_SETPIPE_SZ, PIPE_SIZE); /* refused over the user's limit: fine */
    if (fcntl(*mine, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    return theirs;
}

int io_make_pipes(struct io *io, bool with_stdin, int program[3])
{
    program[0] = program[1] = program[2] = -1;
    if (with_stdin && (program[0] = make_pipe(&io->in.sink, 0)) < 0)
        return -1;
    if ((program[1] = make_pipe(&io->out.source, 1)) < 0 ||
        (program[2] = make_pipe(&io->err.source, 1)) < 0)
        return -1;
    return 0;
}

void io_set_terminal(struct io *io, int master)
{
    io->tty = true;
    fcntl(master, F_SETFL, O_NONBLOCK);
    drop_fd(&io->out.source);
    drop_fd(&io->in.sink);
    io->out.source = master;
    /* Two descriptors of one description, so that each stream closes its own. */
    io->in.sink = fcntl(master, F_DUPFD_CLOEXEC, 3);
}

static int connect_one(int fd, bool reading, enum io_kind *kind)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -1;
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) {
        *kind = IO_FILE;
    } else if (S_ISSOCK(status.st_mode)) {
        *kind = IO_SOCKET;
    } else {
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        /* O_NOCTTY: the monitor leads a session and would get it as its own. */
        int opened =
            open(path, (reading ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened >= 0) {
            *kind = IO_NONBLOCK;
            if (S_ISFIFO(status.st_mode))
                fcntl(opened, F_SETPIPE_SZ, PIPE_SIZE);
            return opened;
        }
        *kind = IO_CAREFUL;
    }
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void io_connect_caller(struct io *io, bool with_stdin)
{
    if (with_stdin) {
        io->typed = isatty(0);
        io->in.source = connect_one(0, true, &io->in.source_kind);
    }
    io->out.sink = connect_one(1, false, &io->out.sink_kind);
    if (!io->tty)
        io->err.sink = connect_one(2, false, &io->err.sink_kind);
}

void io_disconnect_caller(struct io *io)
{
    /* A stdin that was the caller's ends with it; that of a detached container is
       there for those who attach. */
    if (io->in.source >= 0 && !io->tty)
        drop_fd(&io->in.sink);
    if (io->in.source >= 0)
        io->in.start = io->in.end = 0;
    drop_fd(&io->in.source);
    io->end_at = 0;
    drop_fd(&io->out.sink);
    drop_fd(&io->err.sink);
    io->out.start = io->out.end = 0;
    io->err.start = io->err.end = 0;
}

static bool is_pending(const struct io_stream *stream)
{
    return stream->end > stream->start;
}

/* Which of the attach socket's streams it is. */
static int attached(const struct io *io, const struct io_stream *stream)
{
    return stream == &io->err ? ATTACH_ERR : ATTACH_OUT;
}

/* Somebody has not got yet what is in the buffer. */
static bool is_held(const struct io *io, const struct io_stream *stream)
{
    return is_pending(stream) ||
           (stream != &io->in && attach_is_pending(&io->attach, attached(io, stream)));
}

size_t io_prepare_poll(struct io *io, struct pollfd *fds)
{
    struct io_stream *streams[] = {&io->in, &io->out, &io->err};
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        struct io_stream *stream = streams[i];
        stream->source_slot = stream->sink_slot = -1;
        bool has_use = stream != &io->in || stream->sink >= 0;
        if (stream->source >= 0 && !is_held(io, stream) && has_use && !io->finishing) {
            stream->source_slot = (int)count;
            fds[count++] = (struct pollfd){.fd = stream->source, .events = POLLIN};
        }
        /* Without events only an error is reported: the program has closed its
           stdin, so that reading ours can stop. */
        bool watch = stream == &io->in && !io->tty && stream->sink >= 0;
        if (stream->sink >= 0 && (is_pending(stream) || watch)) {
            stream->sink_slot = (int)count;
            fds[count++] =
                (struct pollfd){.fd = stream->sink, .events = is_pending(stream) ? POLLOUT : 0};
        }
    }
    io->attach_slot = count;
    return count + attach_prepare_poll(&io->attach, fds + count, io_takes_input(io));
}

static ssize_t read_source(const struct io_stream *stream, bool ready, uint8_t *to, size_t size)
{
    ssize_t got;
    if (stream->source_kind == IO_CAREFUL && !ready) {
        errno = EAGAIN;
        return -1;
    }
    do {
        if (stream->source_kind == IO_SOCKET)
            got = recv(stream->source, to, size, MSG_DONTWAIT);
        else
            got = read(stream->source, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Writes what it can; a sink that fails for good is closed, and with
   `ends_with_reader` the source too once nobody reads the sink. */
static void flush_sink(struct io_stream *stream, bool ready, bool ends_with_reader)
{
    while (is_pending(stream)) {
        if (stream->sink < 0) {
            stream->start = stream->end = 0;
            return;
        }
        const uint8_t *data = stream->buffer + stream->start;
        size_t size = stream->end - stream->start;
        ssize_t written;
        if (stream->sink_kind == IO_CAREFUL) {
            if (!ready)
                return;
            ready = false;
            size = size < CAREFUL_SIZE ? size : CAREFUL_SIZE;
        }
        if (stream->sink_kind == IO_SOCKET)
            written = send(stream->sink, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            written = write(stream->sink, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            return;
        if (written < 0) {
            /* Nobody reads: the program learns of it as in a pipe of the shell's. */
            if (errno == EPIPE && ends_with_reader)
                drop_fd(&stream->source);
            drop_fd(&stream->sink);
            continue;
        }
        stream->start += (size_t)written;
    }
    stream->start = stream->end = 0;
}

static void pump_output(struct io *io, struct io_stream *stream, bool readable, bool writable)
{
    bool ends_with_reader = !io->tty;
    flush_sink(stream, writable, ends_with_reader);
    /* While finishing there is no poll between the reads. */
    bool again = io->finishing;
    do {
        if (is_held(io, stream) || stream->source < 0 || !(readable || io->finishing))
            return;
        ssize_t got = read_source(stream, readable, stream->buffer, stream->size);
        if (got < 0 && errno == EAGAIN && !io->finishing)
            return;
        if (got <= 0) {
            /* The end of file; EIO is that of a pty.  While finishing, "nothing
               now" is the end as well: whoever holds the pipe still is not the
               program. */
            drop_fd(&stream->source);
            return;
        }
        if (log_write(&io->log, stream->log_name, stream->buffer, (size_t)got) < 0 &&
            !io->log_warned) {
            io->log_error = errno;
            io->log_warned = true;
        }
        attach_offer(&io->attach, attached(io, stream), stream->buffer, (size_t)got);
        stream->start = 0;
        stream->end = (size_t)got;
        flush_sink(stream, false, ends_with_reader);
    } while (again);
}

static void pump_input(struct io *io, bool readable, bool writable, bool broken)
{
    struct io_stream *stream = &io->in;
    if (broken) {
        drop_fd(&stream->sink);
        drop_fd(&stream->source);
        stream->start = stream->end = 0;
    }
    flush_sink(stream, writable, false);
    if (stream->sink < 0)
        drop_fd(&stream->source);
    if (is_pending(stream) || stream->source < 0 || !readable)
        return;
    ssize_t got = read_source(stream, readable, in_raw, stream->size);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        drop_fd(&stream->source);
        /* The program reads an end of file.  A terminal has none, but one can be typed;
           not when it is the caller's own that is gone. */
        if (!io->tty)
            drop_fd(&stream->sink);
        else if (got == 0 && !io->typed)
            io->end_at = 1;
        return;
    }
    stream->start = 0;
    if (io->tty) {
        io->detached =
            detach_keys_filter(&io->detach, in_raw, (size_t)got, stream->buffer, &stream->end);
        io->open_line = in_raw[got - 1] != '\n' && in_raw[got - 1] != '\r';
    } else {
        memcpy(stream->buffer, in_raw, (size_t)got);
        stream->end = (size_t)got;
    }
    flush_sink(stream, false, false);
}

#define FIRST_END_PAUSE   32 /* milliseconds, doubled each time */
#define LONGEST_END_PAUSE 1024
#define CTRL_D            4

/* What the program takes for an end of file: in the canonical mode the terminal tells,
   without it a line editor looks for Ctrl-D, at the beginning of a line only. */
static uint8_t end_character(struct io *io)
{
    struct termios modes;
    if (tcgetattr(io->in.sink, &modes) == 0 && (modes.c_lflag & ICANON))
        return modes.c_cc[VEOF];
    if (!io->open_line)
        return CTRL_D;
    io->open_line = false;
    return '\n';
}

void io_type_end(struct io *io, int64_t now)
{
    struct io_stream *stream = &io->in;
    if (io->end_at == 0 || now < io->end_at || is_pending(stream) || stream->sink < 0)
        return;
    stream->buffer[0] = end_character(io);
    io_take_input(io, 1);
    /* What the terminal has no room for is not kept: there is enough of it. */
    stream->start = stream->end = 0;
    io->end_pause = io->end_pause == 0 ? FIRST_END_PAUSE : 2 * io->end_pause;
    if (io->end_pause > LONGEST_END_PAUSE)
        io->end_pause = LONGEST_END_PAUSE;
    io->end_at = now + io->end_pause;
}

int io_timeout(const struct io *io, int64_t now)
{
    if (io->end_at == 0 || io->in.sink < 0 || is_pending(&io->in))
        return -1;
    return io->end_at <= now ? 0 : (int)(io->end_at - now);
}

bool io_takes_input(const struct io *io)
{
    return !is_pending(&io->in);
}

uint8_t *io_input_buffer(struct io *io, size_t *size)
{
    *size = io->in.size;
    return io->in.buffer;
}

void io_take_input(struct io *io, size_t length)
{
    io->in.start = 0;
    io->in.end = length;
    flush_sink(&io->in, false, false);
}

void io_end_input(struct io *io)
{
    if (!io->tty)
        drop_fd(&io->in.sink);
}

static short revents(const struct pollfd *fds, int slot)
{
    return slot >= 0 ? fds[slot].revents : 0;
}

void io_pump(struct io *io, const struct pollfd *fds)
{
    short in = revents(fds, io->in.source_slot), in_sink = revents(fds, io->in.sink_slot);
    if (in || in_sink)
        pump_input(io, in != 0, (in_sink & POLLOUT) != 0, (in_sink & (POLLERR | POLLNVAL)) != 0);
    pump_output(io, &io->out, revents(fds, io->out.source_slot) != 0,
                revents(fds, io->out.sink_slot) != 0);
    pump_output(io, &io->err, revents(fds, io->err.source_slot) != 0,
                revents(fds, io->err.sink_slot) != 0);
}

void io_finish(struct io *io)
{
    io->finishing = true;
    drop_fd(&io->in.source);
    drop_fd(&io->in.sink);
    io->in.start = io->in.end = 0;
    io->out.source_slot = io->out.sink_slot = -1;
    io->err.source_slot = io->err.sink_slot = -1;
    pump_output(io, &io->out, false, false);
    pump_output(io, &io->err, false, false);
}

bool io_logged(const struct io *io)
{
    return io->out.source < 0 && io->err.source < 0;
}

bool io_done(const struct io *io)
{
    return io_logged(io) && !is_pending(&io->out) && !is_pending(&io->err);
}
