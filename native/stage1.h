/*
 * Stage 1: makes or joins the namespaces, then clones init.  Short-lived.
 *
 * stage1_run() is called in a child of the monitor, with the caller's ids and
 * namespaces; it does not return.  Messages and their order: sync.h.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup.h"
#include "channels.h"
#include "plan.h"

struct stage1 {
    const struct plan *plan;
    int sync;                 /* stage 1's socket */
    struct channels channels; /* init's, handed on */
    bool is_root;             /* the caller is */
    pid_t monitor;
    int target;            /* SET_JOIN_PROCESS: its pidfd, else -1; closed before init */
    struct cgroup *cgroup; /* entered, if there is one */
    int prepared;          /* the socket of namespaces that were made before, or -1 */
    int program[3];        /* the program's descriptors 0, 1, 2, or -1; handed on */
    bool makes_outside;    /* does init's first steps itself, see outside.h */
};

_Noreturn void stage1_run(struct stage1 *stage1);
