/*
 * Phase 3 of a plan: the process itself, up to execve.  Called by init_run() in
 * init.
 *
 * Steps only note what is wanted, or do what has no order (limits, umask).  EXEC
 * then applies the rest in the one order that works, see privileges.h and execute.h.
 */
#pragma once

#include "init.h"

/* RLIMIT ... EXEC; an op of another phase is an error. */
int process_step(struct init *init, const struct plan_record *step);

/* Whether the working directory is inside the root: the kernel says "(unreachable)" of any
   other.  0, or -1 and a failure that names `path`. */
int process_check_inside(struct init *init, const char *path);
