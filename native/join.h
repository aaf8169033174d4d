/*
 * Joining the namespaces of a container that runs: SET_JOIN_PROCESS and SET_JOIN_OWNER
 * (protocol.h).
 *
 * join_open() is called by the monitor, which keeps the descriptor to notice the
 * container's end, or, for JOIN_OWNER, by stage 1; the others by stage 1, as the caller.
 */
#pragma once

#include <stdbool.h>

#include "error.h"
#include "plan.h"

/* A pidfd of the process that the record names: that very one, by its start time,
   and past its execve.  -1 with a failure. */
int join_open(const struct plan_record *record, struct failure *failure);

/* Whether the process behind the descriptor is gone: what /proc/PID says before that is
   about it. */
bool join_has_ended(int pidfd);

/* Joins all namespaces of the process that are not ours already, the user namespace
   among them; that of pid takes effect for children.  From here on this process is not
   dumpable.  Unless `any`, it must have a user namespace of its own. */
int join_enter(int pidfd, const struct plan_record *record, bool any, struct failure *failure);
