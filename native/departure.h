/*
 * An init that goes on without its monitor (SET_LEAVE, SET_START_PIPES; protocol.h), as
 * an OCI runtime's: whoever has called the runtime waits for it.
 */
#pragma once

#include "init.h"

/* For init: waits until the program is to be executed, told by the monitor or, where that
   leaves, by whoever writes to the start pipe.  Does not return when the monitor is gone
   before. */
int departure_await_start(struct init *init);

/* Frames for whoever has started us. */
void departure_warn(const struct init *init, const char *text);
void departure_fail(const struct init *init);
