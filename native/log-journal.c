#include "log-journal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"

/* Milliseconds that a line waits for a journal whose queue is full. */
#define PATIENCE 100

static struct sockaddr_un address;
static char fields_text[4096]; /* "NAME=value\n"... */
static size_t fields_length;

static int connect_journal(void)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return give_fd(&fd);
}

int log_journal_open(const char *path, char *const fields[], size_t count)
{
    fields_length = 0;
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(fields[i]);
        if (strchr(fields[i], '\n') != NULL || strchr(fields[i], '=') == NULL) {
            errno = EINVAL;
            return -1;
        }
        if (fields_length + length + 1 > sizeof(fields_text)) {
            errno = E2BIG;
            return -1;
        }
        memcpy(fields_text + fields_length, fields[i], length);
        fields_text[fields_length + length] = '\n';
        fields_length += length + 1;
    }
    return connect_journal();
}

static int send_once(int fd, struct msghdr *message)
{
    for (int tries = 0;; tries++) {
        if (sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno == EINTR)
            continue;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (errno != EAGAIN || tries > 0 || poll(&wait, 1, PATIENCE) <= 0)
            return -1;
    }
}

int log_journal_send(int *socket, bool is_error, bool is_part, const uint8_t *text, size_t size)
{
    static char error_head[] = "PRIORITY=3\n", head[] = "PRIORITY=6\n";
    static char part[] = "CONTAINER_PARTIAL_MESSAGE=true\n", label[] = "MESSAGE=", newline[] = "\n";
    struct iovec pieces[] = {{is_error ? error_head : head, sizeof(head) - 1},
                             {fields_text, fields_length},
                             {part, is_part ? sizeof(part) - 1 : 0},
                             {label, sizeof(label) - 1},
                             {(void *)(uintptr_t)text, size},
                             {newline, 1}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = sizeof(pieces) / sizeof(pieces[0])};
    if (*socket >= 0 && send_once(*socket, &message) == 0)
        return 0;
    if (*socket >= 0 && errno != ECONNREFUSED && errno != ENOTCONN)
        return -1;
    drop_fd(socket);
    *socket = connect_journal();
    return *socket < 0 ? -1 : send_once(*socket, &message);
}
