/*
 * A /proc of the processes of a pid namespace that is joined, for a container with a new user
 * namespace.  That one has no rights over the pid namespace, which another has made, and may not
 * mount it (mount_namespaces(7)): it is made before, with the rights that joining takes as well,
 * and handed over as a detached mount.
 *
 * The rest as joins.h and mounting.h have it.
 *
 * Takes Linux 6.17, where nobody has to be in the pid namespace for that: whoever may trace there
 * would get what the one has who mounts.
 */
#pragma once

#include "joins.h"
#include "plan.h"

/* Stage 1, before anything is joined.  Where it cannot be had, the step that mounts it says why. */
void joined_proc_open(const struct plan *plan, const struct joins *joins);

/* Init: the mount, once; -1 if there is none. */
int joined_proc_take(void);
