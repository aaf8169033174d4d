#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"
#include "passed-fd.h"
#include "placeholder.h"
#include "protocol.h"

/* Of one message. */
#define MOST ((size_t)65536)

static int connection = -1;
static const char *place;
/* Shared between stage 1, which learns the pid, and init. */
static _Atomic pid_t *program;
static char *text;
static size_t text_length;

/* Longer than an address can be: by its directory's descriptor. */
static int fill_address(struct sockaddr_un *address, const char *path, int *directory)
{
    const char *name = strrchr(path, '/');
    if (strlen(path) < sizeof(address->sun_path)) {
        strcpy(address->sun_path, path);
        return 0;
    }
    char parent[PATH_MAX];
    if (name == NULL || (size_t)(name - path) >= sizeof(parent)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, (size_t)(name - path));
    parent[name - path] = '\0';
    *directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory < 0)
        return -1;
    int length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d%s",
                          *directory, name);
    if (length < 0 || (size_t)length >= sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

int listener_connect(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_SECCOMP_LISTENER);
    if (record == NULL)
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int directory = -1;
    place = record->argv[0];
    if (fill_address(&address, place, &directory) < 0)
        return fail(failure, errno, "connect to seccomp listener", "%s", place);
    /* One that is too busy to listen is not waited for. */
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        fcntl(fd, F_SETFL, 0) < 0)
        return fail(failure, errno, "connect to seccomp listener", "%s", place);
    program =
        mmap(NULL, sizeof(*program), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (program == MAP_FAILED)
        return fail(failure, errno, "connect to seccomp listener", "%s", place);
    connection = give_fd(&fd);
    return 0;
}

void listener_tell_pid(pid_t pid)
{
    if (connection >= 0)
        atomic_store(program, pid);
    drop_fd(&connection);
}

int *listener_connection(void)
{
    return connection < 0 ? NULL : &connection;
}

int listener_prepare(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_SECCOMP_LISTENER);
    pid_t pid;
    /* Written right after the fork that made us. */
    while ((pid = atomic_load(program)) == 0)
        sched_yield();
    text = placeholder_fill(record->argv[1], pid, 2, &text_length);
    return text == NULL ? fail(failure, ENOMEM, "tell seccomp listener", "%s", place) : 0;
}

int listener_send(int filter, struct failure *failure)
{
    union passed_fd control;
    size_t sent = 0;
    while (sent < text_length) {
        /* As a relay takes them, see listener-relay.h. */
        const size_t left = text_length - sent;
        struct iovec part = {text + sent, left < MOST ? left : MOST};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (sent == 0)
            passed_fd_put(&message, &control, filter);
        ssize_t done = sendmsg(connection, &message, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail(failure, errno, "tell seccomp listener", "%s", place);
        sent += (size_t)done;
    }
    drop_fd(&connection);
    return 0;
}
