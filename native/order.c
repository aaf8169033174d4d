#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

_Static_assert(sizeof(struct order) <= PIPE_BUF, "written at once");

int order_pipe(int pipe[2])
{
    if (pipe2(pipe, O_CLOEXEC | O_DIRECT) < 0)
        return -1;
    /* Who fills it may be another than init, see above. */
    return fcntl(pipe[1], F_SETFL, O_NONBLOCK | O_DIRECT);
}

int order_give(int pipe, const struct order *order, struct failure *failure)
{
    ssize_t written;
    do {
        written = write(pipe, order, sizeof(*order));
    } while (written < 0 && errno == EINTR);
    return written >= 0 || errno == EPIPE ? 0 : fail(failure, errno, "write", "to init");
}

int order_give_type(int pipe, enum order_type type, struct failure *failure)
{
    const struct order order = {.type = type};
    return order_give(pipe, &order, failure);
}

int order_receive(int pipe, struct order *order)
{
    ssize_t got;
    do {
        got = read(pipe, order, sizeof(*order));
    } while (got < 0 && errno == EINTR);
    /* A packet for a packet (O_DIRECT): what is none of ours is refused. */
    return got == (ssize_t)sizeof(*order) ? 0 : -1;
}

int order_await(int pipe, enum order_type type, struct order *order)
{
    do {
        if (order_receive(pipe, order) < 0)
            return -1;
    } while (order->type != type);
    return 0;
}
