/*
 * Resource limits of the program: the RLIMIT step.  Init; verified by the monitor as well.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "init.h"

/* Sets the limit; a hard one above the caller's becomes the caller's, with a warning. */
int process_limit_set(struct init *init, const struct plan_record *step);

/* Whether the plan has a say in this resource of getrlimit(2). */
bool process_limit_is_set(const struct plan *plan, int resource);

/* Whether the hard limits of a process, 0 for this one, are no higher than was asked for. */
int process_limits_verify(const struct plan *plan, pid_t pid, struct failure *failure);
