/*
 * What the monitor tells init, over a pipe.
 *
 * Not over init's socket: there a message names its sender to whoever reads it (SO_PASSPIDFD,
 * unix(7)), and where a container was in init's pid namespace before, that may be a process of its
 * own, to which the name is a way to the monitor's descriptors (pidfd_getfd(2)) and so to the
 * host's files.  A pipe names nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "facts.h"

enum order_type {
    ORDER_START = 1,
    ORDER_LEAVE, /* instead of START: wait for that at the start pipe */
    ORDER_GO_ON, /* after SYNC_CALLER_WANTED */
    ORDER_STATUS /* after SYNC_STATUS_WANTED */
};

/* Fits PIPE_BUF: it comes whole or not at all. */
struct order {
    uint32_t type;
    int32_t errnum; /* STATUS: why there is none, or 0 */
    uint64_t value[FACTS];
    uint64_t group_count;
};

/* pipe[1] is the monitor's end, which never waits.  -1 and errno. */
int order_pipe(int pipe[2]);

/* -1: somebody else has filled the pipe.  Of an init that has ended nothing is said here. */
int order_give(int pipe, const struct order *order, struct failure *failure);
int order_give_type(int pipe, enum order_type type, struct failure *failure);

/* Waits for the next one; -1: the monitor is gone, or it is somebody else who writes. */
int order_receive(int pipe, struct order *order);
/* Waits for one of that type. */
int order_await(int pipe, enum order_type type, struct order *order);
