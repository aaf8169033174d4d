/*
 * Joining the namespaces of a container that runs: SET_JOIN_PROCESS (protocol.h).
 *
 * join_open() is called by the monitor, which keeps the descriptor to notice the
 * container's end; join_enter() by stage 1, as the caller.
 */
#pragma once

#include "error.h"
#include "plan.h"

/* A pidfd of the process that the record names: that very one, by its start time,
   and past its execve.  -1 with a failure. */
int join_open(const struct plan_record *record, struct failure *failure);

/* Joins all namespaces of the process that are not ours already, the user namespace
   among them; that of pid takes effect for children.  From here on this process is not
   dumpable. */
int join_enter(int pidfd, const struct plan_record *record, struct failure *failure);
