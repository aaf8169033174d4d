/*
 * A /proc of the processes of a pid namespace that is joined, made by somebody who is not in it.
 *
 * A container with a new user namespace has no rights over that pid namespace, which another has
 * made, and may not mount its /proc (mount_namespaces(7)); and any other is not to be in it before
 * it has left the host behind (outside.h).  So it is made before anything is joined, with the
 * rights that joining takes as well, and handed over as a detached mount.
 *
 * The rest as joins.h and mounting.h have it.
 *
 * Takes Linux 6.17: before that somebody has to be in the pid namespace who may mount, and
 * whoever may trace there would get what that one has.
 */
#pragma once

#include <stdbool.h>

#include "joins.h"
#include "plan.h"

/* Stage 1, before anything is joined: those of all the steps that mount one.  False: there are not
   all of them, and then there is none. */
bool joined_proc_open(const struct plan *plan, const struct joins *joins);

/* Init: the mount for a step, once; -1 if there is none. */
int joined_proc_take(const struct plan_record *step);
