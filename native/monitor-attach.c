#include "monitor-state.h"

#include "protocol.h"

/* Frames that one client gets through in a turn: the others wait no longer. */
#define FRAMES_A_TURN 16

static bool has_stdin(const struct monitor *monitor)
{
    return monitor->settings.with_stdin && monitor->io.in.sink >= 0;
}

static void take_input(struct monitor *monitor, const struct attach_input *input)
{
    switch (input->type) {
    case TSMAN_MSG_STDIN:
        if (has_stdin(monitor))
            io_take_input(&monitor->io, input->length);
        break;
    case TSMAN_MSG_STDIN_EOF:
        if (has_stdin(monitor))
            io_end_input(&monitor->io);
        break;
    case TSMAN_MSG_SIGNAL:
        monitor_signal_init(monitor, input->number);
        break;
    case TSMAN_MSG_RESIZE:
        monitor_resize(monitor, input->rows, input->columns);
        break;
    default:
        break;
    }
}

void monitor_take_clients(struct monitor *monitor, const struct pollfd *fds)
{
    struct attach *attach = &monitor->io.attach;
    size_t size;
    for (int i = 0; i < ATTACH_CLIENTS; i++) {
        struct attach_client *client = &attach->clients[i];
        if (!attach_is_readable(client, fds))
            continue;
        struct attach_input input;
        for (int n = 0; n < FRAMES_A_TURN && io_takes_input(&monitor->io); n++) {
            uint8_t *buffer = io_input_buffer(&monitor->io, &size);
            if (attach_next(client, buffer, size, &input) <= 0)
                break;
            take_input(monitor, &input);
        }
    }
    uint32_t flags = (monitor->io.tty ? 1u : 0u) | (has_stdin(monitor) ? 2u : 0u);
    attach_accept(attach, fds, flags);
}
