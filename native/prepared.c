#include "prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"
#include "sync.h"

static int send_own(int socket, enum sync_type type, const char *path)
{
    cleanup_close int namespace = open(path, O_RDONLY | O_CLOEXEC);
    return namespace < 0 ? -1 : sync_send(socket, type, 0, namespace);
}

_Noreturn static void make(int socket, pid_t parent, bool with_network)
{
    lifeline_tie(parent);
    if (unshare(CLONE_NEWUSER) < 0 || send_own(socket, SYNC_MAP_WANTED, "/proc/self/ns/user") < 0 ||
        sync_await(socket, SYNC_MAP_DONE) < 0)
        _exit(1);
    /* After the maps: files of /proc/net and sysfs get their owner when it is made. */
    if (with_network &&
        (unshare(CLONE_NEWNET) < 0 || send_own(socket, SYNC_MAP_DONE, "/proc/self/ns/net") < 0))
        _exit(1);
    for (;;)
        pause();
}

/* The descriptor that comes with the next message, which is to be of `type`; -1: there is none. */
static int receive_one(int socket, enum sync_type type)
{
    struct sync_message message;
    int fd;
    if (sync_receive(socket, &message, &fd, 0) > 0 && message.type == type)
        return fd;
    drop_fd(&fd);
    return -1;
}

static void make_all(int socket, pid_t child, const struct map_request *request, bool with_network,
                     struct prepared *made)
{
    static struct failure ignored;
    int user = receive_one(socket, SYNC_MAP_WANTED);
    if (user < 0 || map_apply(child, request, &ignored) < 0) {
        drop_fd(&user);
        return;
    }
    made->user = user;
    if (with_network && sync_send(socket, SYNC_MAP_DONE, 0, -1) == 0)
        made->network = receive_one(socket, SYNC_MAP_DONE);
}

int prepared_give(int socket, const struct map_request *request, bool with_network)
{
    struct prepared made = {-1, -1};
    int pair[2];
    const pid_t parent = getpid();
    if (sync_pair(pair) < 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        close(socket);
        close(pair[0]);
        make(pair[1], parent, with_network);
    }
    close(pair[1]);
    if (child < 0)
        return 1;
    make_all(pair[0], child, request, with_network, &made);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (made.user < 0 || sync_send(socket, SYNC_MAP_DONE, 0, made.user) < 0)
        return 1;
    return made.network < 0 || sync_send(socket, SYNC_MAP_DONE, 0, made.network) == 0 ? 0 : 1;
}

void prepared_receive(int *socket, struct prepared *prepared)
{
    *prepared = (struct prepared){-1, -1};
    if (*socket < 0)
        return;
    prepared->user = receive_one(*socket, SYNC_MAP_DONE);
    if (prepared->user >= 0)
        prepared->network = receive_one(*socket, SYNC_MAP_DONE);
    drop_fd(socket);
}

bool prepared_join(int *namespace, int flag)
{
    bool joined = *namespace >= 0 && setns(*namespace, flag) == 0;
    drop_fd(namespace);
    return joined;
}
