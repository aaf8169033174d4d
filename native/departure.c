#include "departure.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "memory.h"
#include "order.h"
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

/* Who has started us may be gone: the pipe is read from within a second, or not any more. */
static void write_frame(int pipe, const uint8_t *frame, size_t left)
{
    struct pollfd room = {.fd = pipe, .events = POLLOUT};
    while (left > 0) {
        ssize_t written = write(pipe, frame, left);
        if (written > 0) {
            frame += written;
            left -= (size_t)written;
        } else if (errno != EINTR && (errno != EAGAIN || poll(&room, 1, 1000) <= 0)) {
            return;
        }
    }
}

static void tell(const struct init *init, uint32_t type, const void *payload, size_t size)
{
    uint8_t frame[8 + 1024];
    if (size > sizeof(frame) - 8)
        return;
    proto_put_u32(frame, type);
    proto_put_u32(frame + 4, (uint32_t)size);
    if (size > 0)
        memcpy(frame + 8, payload, size);
    write_frame(init->channels.sync, frame, size + 8);
}

static int await_starter(struct init *init)
{
    char word;
    ssize_t got;
    /* Before the monitor leaves: from LEFT on the container may be signalled. */
    end_by_signals(true);
    sync_send(init->channels.sync, SYNC_LEFT, 0, -1);
    drop_fd(&init->channels.sync);
    drop_fd(&init->channels.orders);
    init->departed = true;
    do {
        got = read(init->channels.start, &word, 1);
    } while (got < 0 && errno == EINTR);
    end_by_signals(false);
    if (got <= 0)
        return fail(&init->failure, errno, "read", "start");
    drop_fd(&init->channels.start);
    init->channels.sync = give_fd(&init->channels.started);
    tell(init, TSMAN_MSG_READY, NULL, 0);
    return 0;
}

int departure_await_start(struct init *init)
{
    struct order order;
    for (;;) {
        if (order_receive(init->channels.orders, &order) < 0)
            _exit(1); /* the monitor is gone or has given up */
        if (order.type == ORDER_START) {
            if (plan_setting(init->plan, TSMAN_SET_LEAVE) != NULL)
                untie(init);
            return 0;
        }
        if (order.type == ORDER_LEAVE) {
            untie(init);
            return await_starter(init);
        }
    }
}

void departure_warn(const struct init *init, const char *text)
{
    tell(init, TSMAN_MSG_WARNING, text, strlen(text) + 1);
}

void departure_fail(const struct init *init)
{
    uint8_t frame[PROTO_FAILED_MAX];
    write_frame(init->channels.sync, frame, proto_failed_frame(frame, &init->failure));
}
