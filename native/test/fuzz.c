/*
 * Everything that reads bytes which a container, an image or another process has written, for
 * libFuzzer: the first byte says which of them gets the others.  `make fuzz`, with clang.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../accounts.h"
#include "../attach.h"
#include "../detach-keys.h"
#include "../health-check.h"
#include "../kernel.h"
#include "../log-line.h"
#include "../log.h"
#include "../mounting.h"
#include "../placeholder.h"
#include "../plan.h"
#include "../proto.h"
#include "../protocol.h"
#include "../user-add.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact copy, so that the sanitizer sees a read beyond the end. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    return copy;
}

static void parse_plan(const uint8_t *data, size_t size)
{
    struct failure failure = {0};
    struct plan plan;
    uint8_t *copy = copy_of(data, size);
    if (plan_parse(&plan, copy, size, &failure) == 0) {
        for (size_t i = 0; i < plan.steps_count; i++)
            plan_name(plan.steps[i].op);
        plan_environment(&plan, "HOME");
        plan_release(&plan);
    } else if (!failure.set) {
        abort();
    }
    free(copy);
}

static void pair_of(int sockets[2])
{
    int room = 1 << 20;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
        abort();
    setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

/* Sends the bytes in pieces, each as long as its first byte says. */
static void send_piece(int fd, const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return;
    size_t piece = **data + 1u;
    if (piece > *size)
        piece = *size;
    (void)!send(fd, *data, piece, MSG_NOSIGNAL);
    *data += piece;
    *size -= piece;
}

/* A client of the attach socket. */
static void take_client(const uint8_t *data, size_t size)
{
    static struct attach attach;
    static uint8_t buffer[300], output[64];
    struct attach_input input;
    int sockets[2];
    pair_of(sockets);
    attach_init(&attach);
    struct attach_client *client = &attach.clients[0];
    *client = (struct attach_client){.fd = sockets[0], .slot = -1, .frame = client->frame};
    while (size > 0 && client->fd >= 0) {
        send_piece(sockets[1], &data, &size);
        attach_offer(&attach, (int)(size % 2), output, size % sizeof(output));
        attach_flush(&attach, (int64_t)size * 100);
        int got;
        while ((got = attach_next(client, buffer, sizeof(buffer), &input)) > 0) {
            if (input.type == TSMAN_MSG_STDIN && input.length > sizeof(buffer))
                abort();
        }
        if (got < 0 && client->fd >= 0)
            abort();
    }
    close(sockets[1]);
    attach_finish(&attach, 0);
}

/* The caller of a monitor, after its LAUNCH. */
static void take_caller(const uint8_t *data, size_t size)
{
    struct proto_frame frame;
    int sockets[2];
    pair_of(sockets);
    struct proto proto = {.fd = sockets[0]};
    while (size > 0 && proto.fd >= 0) {
        send_piece(sockets[1], &data, &size);
        while (proto_next(&proto, &frame) > 0) {
            if (frame.length > PROTO_MAX_COMMAND)
                abort();
        }
    }
    if (proto.fd >= 0)
        close(proto.fd);
    close(sockets[1]);
}

/* The monitor of a health check, and what the check writes. */
static void take_check(const uint8_t *data, size_t size)
{
    static struct health health;
    int sockets[2], output[2];
    pair_of(sockets);
    pair_of(output);
    health_init(&health);
    health.control = sockets[0];
    health.output = output[0];
    while (size > 0) {
        send_piece(sockets[1], &data, &size);
        send_piece(output[1], &data, &size);
        health_check_move(&health, 0);
    }
    close(sockets[1]);
    close(output[1]);
    health_check_end(&health);
    if (health.result.length > HEALTH_OUTPUT)
        abort();
}

/* /etc/passwd and /etc/group of an image, and the user that it names. */
static void look_up(const uint8_t *data, size_t size)
{
    static char directory[] = "/tmp/tsman-fuzz-XXXXXX";
    static int root = -1;
    static const char *const files[] = {"etc/passwd", "etc/group"};
    char spec[64];
    if (root < 0) {
        if (mkdtemp(directory) == NULL)
            abort();
        root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || mkdirat(root, "etc", 0700) < 0)
            abort();
    }
    size_t length = size > 0 ? data[0] % sizeof(spec) : 0;
    if (size < length + 1)
        return;
    memcpy(spec, data + 1, length);
    spec[length] = '\0';
    data += length + 1;
    size -= length + 1;
    for (int i = 0; i < 2; i++) {
        size_t part = i == 0 ? size / 2 : size - size / 2;
        int fd = openat(root, files[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, data, part) != (ssize_t)part)
            abort();
        close(fd);
        data += part;
    }
    struct failure failure = {0};
    struct user user;
    memset(&user, 0, sizeof(user));
    if (user_lookup(root, spec, length % 2 ? "wheel,7" : "", &user, &failure) == 0) {
        if (user.uid > ACCOUNTS_MAX_ID || user.gid > ACCOUNTS_MAX_ID)
            abort();
        user_add_entry(root, &user, NULL);
    }
    free(user.groups);
}

/* The output of a program, as json-file and as k8s-file. */
static void write_log(const uint8_t *data, size_t size)
{
    static struct log log;
    log_init(&log);
    log.directory = open("/", O_PATH | O_CLOEXEC);
    log.fd = memfd_create("log", MFD_CLOEXEC);
    if (size > 0 && data[0] % 2 && log_set_format(&log, "json-file", "tag") < 0)
        abort();
    while (size > 0) {
        size_t piece = data[0] + 1u;
        if (piece > size)
            piece = size;
        uint8_t *copy = copy_of(data, piece);
        if (log_write(&log, piece % 2 ? "stdout" : "stderr", copy, piece) < 0)
            abort();
        free(copy);
        data += piece;
        size -= piece;
    }
    log_close(&log);
}

static void type_keys(const uint8_t *data, size_t size)
{
    struct detach_keys keys;
    size_t length = size > 0 ? data[0] % 20 : 0, written;
    if (size < length + 1)
        return;
    detach_keys_set(&keys, data + 1, length);
    data += length + 1;
    size -= length + 1;
    while (size > 0) {
        size_t piece = data[0] % 32 + 1u;
        if (piece > size)
            piece = size;
        uint8_t *input = copy_of(data, piece);
        uint8_t *output = malloc(piece + DETACH_KEYS_MAX);
        bool over = detach_keys_filter(&keys, input, piece, output, &written);
        free(input);
        free(output);
        if (written > piece + DETACH_KEYS_MAX)
            abort();
        if (over)
            return;
        data += piece;
        size -= piece;
    }
}

/* Mount options, and texts with a place for the pid. */
static void read_words(const uint8_t *data, size_t size)
{
    struct mounting_flags flags;
    size_t length;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (mounting_parse_flags(text, &flags) == 0 &&
        ((flags.plain.set & flags.plain.clear) | (flags.deep.set & flags.deep.clear)) & 0xffu &
            ~K_ATTR_ATIME)
        abort();
    char *filled = placeholder_fill(text, 2147483647, 2, &length);
    if (filled == NULL || strlen(filled) != length || length > strlen(text) + 10)
        abort();
    free(filled);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {
        parse_plan, take_client, take_caller, take_check, look_up, write_log, type_keys, read_words,
    };
    if (size == 0)
        return 0;
    readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](data + 1, size - 1);
    return 0;
}
