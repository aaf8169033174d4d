#include "attach-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach.h"
#include "detach-keys.h"
#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "number.h"
#include "proto.h"
#include "protocol.h"

#define CHUNK 16384u

static uint8_t buffer[CHUNK], input[8 + CHUNK + DETACH_KEYS_MAX];
static struct proto control = {.fd = TSMAN_CONTROL_FD};

/* The caller's descriptors may be non-blocking: then wait. */
static bool wait_for(int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};
    return errno == EINTR || (errno == EAGAIN && poll(&wait, 1, -1) >= 0);
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && !wait_for(fd, POLLOUT))
            return -1;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int read_all(int fd, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(fd, data, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return -1;
        if (got > 0) {
            data += got;
            size -= (size_t)got;
        }
    }
    return 0;
}

static int connect_to(const char *path, struct failure *failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return fail(failure, errno, "open", "%s", path);
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach", directory);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail(failure, errno, "connect", "%s/attach", path);
    return give_fd(&fd);
}

static int parse_keys(char *text, struct detach_keys *detach)
{
    uint8_t keys[DETACH_KEYS_MAX];
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        uint64_t key;
        if (count == DETACH_KEYS_MAX || !number_parse(word, 10, 255, &key))
            return -1;
        keys[count++] = (uint8_t)key;
    }
    detach_keys_set(detach, keys, count);
    return 0;
}

static int send_frame(int fd, uint32_t type, size_t size)
{
    for (int i = 0; i < 4; i++) {
        input[i] = (uint8_t)(type >> (8 * i));
        input[4 + i] = (uint8_t)(size >> (8 * i));
    }
    uint8_t *at = input;
    size_t left = 8 + size;
    while (left > 0) {
        ssize_t sent = send(fd, at, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return -1;
        if (sent > 0) {
            at += sent;
            left -= (size_t)sent;
        }
    }
    return 0;
}

/* A process of its own, so that neither direction waits for the other. */
_Noreturn static void copy_input(int fd, struct detach_keys *detach, pid_t parent, int caller)
{
    lifeline_tie(parent);
    for (;;) {
        size_t length;
        ssize_t got = read(0, buffer, CHUNK);
        if (got < 0 && wait_for(0, POLLIN))
            continue;
        if (got <= 0) {
            /* The end of a caller that was killed is no end of the input. */
            struct pollfd ended = {.fd = caller, .events = POLLIN};
            if (poll(&ended, 1, 0) > 0)
                _exit(0);
            send_frame(fd, TSMAN_MSG_STDIN_EOF, 0);
            _exit(0);
        }
        bool typed = detach_keys_filter(detach, buffer, (size_t)got, input + 8, &length);
        if (length > 0 && send_frame(fd, TSMAN_MSG_STDIN, length) < 0)
            _exit(0);
        if (typed) {
            proto_send(&control, TSMAN_MSG_DETACHED, NULL, 0);
            shutdown(fd, SHUT_RDWR);
            _exit(0);
        }
    }
}

static void tell_loss(const uint8_t *payload)
{
    char text[160];
    uint64_t bytes = proto_u32(payload) | (uint64_t)proto_u32(payload + 4) << 32;
    snprintf(text, sizeof(text),
             "%llu bytes of output came faster than they were read and are missing here",
             (unsigned long long)bytes);
    proto_send_warning(&control, text);
}

/* Copies a frame's payload to `sink`; one that nobody reads any more is left alone. */
static int copy_output(int fd, int *sink, uint32_t length)
{
    while (length > 0) {
        size_t size = length < CHUNK ? length : CHUNK;
        if (read_all(fd, buffer, size) < 0)
            return -1;
        if (*sink >= 0 && write_all(*sink, buffer, size) < 0)
            *sink = -1;
        length -= (uint32_t)size;
    }
    return 0;
}

/* Until the socket ends. */
static void copy_frames(int fd, bool with_stdin, struct detach_keys *detach, int caller)
{
    uint8_t head[8], payload[8];
    int sinks[2] = {1, 2};
    while (read_all(fd, head, sizeof(head)) == 0) {
        uint32_t type = proto_u32(head), length = proto_u32(head + 4);
        if (type == TSMAN_MSG_STDOUT || type == TSMAN_MSG_STDERR) {
            if (copy_output(fd, &sinks[type == TSMAN_MSG_STDERR], length) < 0)
                return;
            /* As a program in a pipe of the shell's would: nobody is left to read. */
            if (sinks[0] < 0)
                return;
            continue;
        }
        if (length > sizeof(payload) || read_all(fd, payload, length) < 0)
            return;
        if (type == TSMAN_MSG_ATTACHED && length == 4) {
            proto_send(&control, TSMAN_MSG_STARTED, NULL, 0);
            pid_t parent = getpid();
            if (with_stdin && (proto_u32(payload) & 2u) != 0 && fork() == 0)
                copy_input(fd, detach, parent, caller);
        } else if (type == TSMAN_MSG_LOST && length == 8) {
            tell_loss(payload);
        } else if (type == TSMAN_MSG_EXITED && length == 4) {
            proto_send(&control, TSMAN_MSG_EXITED, payload, length);
            return;
        }
    }
}

int attach_main(char **argv)
{
    static struct failure failure = {.step = -1};
    struct detach_keys detach;
    /* What a terminal sends to all of its foreground, and what tsman passes on to the
       container: they are not for us. */
    const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    const pid_t parent = getppid();
    lifeline_tie(parent);
    lifeline_forbid_core();
    /* It may have ended before we asked who it is. */
    struct pollfd ended = {.fd = TSMAN_CONTROL_FD};
    if (poll(&ended, 1, 0) > 0)
        return 0;
    fcntl(TSMAN_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    int fd = -1;
    if (parse_keys(argv[2], &detach) < 0)
        fail(&failure, EINVAL, "parse", "detach keys");
    else
        fd = connect_to(argv[0], &failure);
    if (fd < 0) {
        failure_stage(&failure, "attach");
        proto_send_failed(&control, &failure);
        return 125;
    }
    copy_frames(fd, strcmp(argv[1], "stdin") == 0, &detach, kernel_pidfd_open(parent));
    return 0;
}
