#include "departure.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"
#include "proto.h"
#include "protocol.h"
#include "sync.h"

/* What ends a container that was created and is not wanted any more: a first process
   ignores what it has no handler for (pid_namespaces(7)). */
static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define ENDING_COUNT (sizeof(ending) / sizeof(ending[0]))

static void end(int number)
{
    _exit(128 + number);
}

static void end_by_signals(bool wanted)
{
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < ENDING_COUNT; i++) {
        signal(ending[i], wanted ? end : SIG_DFL);
        if (wanted)
            sigdelset(&all, ending[i]);
    }
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static void untie(struct init *init)
{
    init->untied = true;
    prctl(PR_SET_PDEATHSIG, 0);
}

static int accept_starter(struct init *init)
{
    int fd;
    /* Before the monitor leaves: from LEFT on the container may be signalled. */
    end_by_signals(true);
    sync_send(init->sync, SYNC_LEFT, 0, -1);
    drop_fd(&init->sync);
    init->departed = true;
    do {
        fd = accept4(init->starter, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    end_by_signals(false);
    if (fd < 0)
        return fail(&init->failure, errno, "accept", "start");
    drop_fd(&init->starter);
    init->sync = fd;
    struct proto starter = {.fd = fd};
    proto_send(&starter, TSMAN_MSG_READY, NULL, 0);
    return 0;
}

int departure_await_start(struct init *init)
{
    struct sync_message message;
    int fd;
    for (;;) {
        if (sync_receive(init->sync, &message, &fd, 0) <= 0)
            _exit(1); /* the monitor is gone or has given up */
        drop_fd(&fd);
        if (message.type == SYNC_START) {
            if (plan_setting(init->plan, TSMAN_SET_LEAVE) != NULL)
                untie(init);
            return 0;
        }
        if (message.type == SYNC_LEAVE) {
            untie(init);
            return accept_starter(init);
        }
    }
}

void departure_warn(const struct init *init, const char *text)
{
    struct proto starter = {.fd = init->sync};
    proto_send_warning(&starter, text);
}

void departure_fail(const struct init *init)
{
    struct proto starter = {.fd = init->sync};
    proto_send_failed(&starter, &init->failure);
}
