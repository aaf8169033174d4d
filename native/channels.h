/* How init speaks with whoever starts it; -1: closed, or not there. */
#pragma once

struct channels {
    int sync;    /* to the monitor: sync.h */
    int orders;  /* from the monitor: order.h */
    int start;   /* START_PIPES: a byte comes when the program is to be executed … */
    int started; /* … and what comes of that goes here */
};

void channels_init(struct channels *channels);
void channels_close(struct channels *channels);
