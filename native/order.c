#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

_Static_assert(sizeof(struct order) <= PIPE_BUF, "written at once");

int order_pipe(int pipe[2])
{
    if (pipe2(pipe, O_CLOEXEC) < 0)
        return -1;
    /* Who fills it may be another than init, see above. */
    return fcntl(pipe[1], F_SETFL, O_NONBLOCK);
}

int order_give(int pipe, const struct order *order)
{
    ssize_t written;
    do {
        written = write(pipe, order, sizeof(*order));
    } while (written < 0 && errno == EINTR);
    return written == (ssize_t)sizeof(*order) ? 0 : -1;
}

int order_give_type(int pipe, enum order_type type)
{
    const struct order order = {.type = type};
    return order_give(pipe, &order);
}

int order_receive(int pipe, struct order *order)
{
    size_t have = 0;
    while (have < sizeof(*order)) {
        ssize_t got = read(pipe, (char *)order + have, sizeof(*order) - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        have += (size_t)got;
    }
    return 0;
}

int order_await(int pipe, enum order_type type, struct order *order)
{
    do {
        if (order_receive(pipe, order) < 0)
            return -1;
    } while (order->type != type);
    return 0;
}
