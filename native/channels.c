#include "channels.h"

#include "memory.h"

void channels_init(struct channels *channels)
{
    channels->sync = channels->orders = channels->start = channels->started = -1;
}

void channels_close(struct channels *channels)
{
    drop_fd(&channels->sync);
    drop_fd(&channels->orders);
    drop_fd(&channels->start);
    drop_fd(&channels->started);
}
