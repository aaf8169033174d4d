/*
 * Resource limits of the program: the RLIMIT step.  Init; verified by the monitor as well.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "init.h"

/* Sets the limit; a hard one above the caller's becomes the caller's, with a warning.  Of what init
   needs itself only where it is more than there is: the rest is for process_limits_lower(). */
int process_limit_set(struct init *init, const struct plan_record *step);

/* Right before the program: init opens nothing more but what it verifies. */
int process_limits_lower(struct init *init);

/* Whether the plan has a say in this resource of getrlimit(2). */
bool process_limit_is_set(const struct plan *plan, int resource);

/* Whether the hard limits of a process, 0 for this one, are no higher than was asked for. */
int process_limits_verify(const struct plan *plan, pid_t pid, struct failure *failure);
