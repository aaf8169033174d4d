/*
 * Whether the program that runs has the walls that the plan asked for (S33): a kernel, or a
 * filter of whoever has started us, may do nothing and say that it has.  Monitor only.
 *
 * The program runs already and may have changed itself, so only that is looked at which it
 * cannot undo: the capabilities that it may ever have, no_new_privs, its filter, hard limits,
 * and that its namespaces are not ours.  The rest is looked at before it runs: verify-init.h.
 */
#pragma once

#include <sys/types.h>

#include "error.h"
#include "plan.h"

/* `init` is a child that was not waited for.  0, also when there is nothing to see any more
   since it has ended; else -1 and a failure. */
int verify_program(const struct plan *plan, pid_t init, struct failure *failure);

/* The part of it that can be looked at before the program runs, for a container that goes on
   without its monitor. */
int verify_namespaces(const struct plan *plan, pid_t init, struct failure *failure);
