/*
 * A /proc of the processes of a pid namespace that is joined.
 *
 * A container with a new user namespace has no rights over that pid namespace, which another has
 * made, and may not mount its /proc (mount_namespaces(7)); and any other is not to be in it before
 * it has left the host behind (outside.h).  So it is made before anything is joined, by a process
 * that is not in that namespace, with the rights that joining takes as well, and handed over as a
 * detached mount: whoever may trace there would get what a process has that mounts.
 *
 * That takes Linux 6.17.  Before, init makes its /proc once it is there and has nothing left of the
 * host's.  Then it needs one that it sees already (mount_too_revealing in fs/namespace.c): that of
 * a pid namespace which was over before anybody looked, and shows nobody, holds the place.
 */
#pragma once

#include <stdbool.h>

#include "init.h"
#include "joins.h"
#include "plan.h"

/* Stage 1, before anything is joined: for all the steps that mount one; `makes_user`: a user
   namespace is made.  False: on this kernel only init, in the namespace from the beginning, can
   mount what the plan wants. */
bool joined_proc_open(const struct plan *plan, const struct joins *joins, bool makes_user);

/* Init, or stage 1 in its place: the mount for a step, once; -1 if there is none.  Stage 1 then may
   not mount one, which would be of its own processes, the host's: `failure` says why, if there. */
int joined_proc_take(const struct plan_record *step, struct failure *failure);

/* Whether the step, one of stage 1's, changes what a placeholder stands for: not yet, then. */
bool joined_proc_awaits(const struct plan_record *step);

/* Whether joined_proc_settle() has something to do. */
bool joined_proc_is_open(void);

/* Init, in the namespace: mounts in place of the placeholders, and does the steps that waited.
   Ends the process where one fails. */
void joined_proc_settle(struct init *init);
