/*
 * The change from init, root of the user namespace, to what the program may be: groups,
 * ids, capabilities, no_new_privs and the system call filter.  Init only, right before EXEC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init.h"

/* On a failure init.blamed is the step that asked for it. */
int privileges_drop(struct init *init);

/* Stage 1, before it forks an init whose root file system stands, where others may see that: gives
   up what neither the rest of the plan takes nor the program has.  `mounts`: a /proc is still to be
   mounted. */
void privileges_narrow(const struct plan *plan, bool mounts);

/* What init has given up of the program's own, which gets it at its execve. */
uint64_t privileges_withheld(void);

/* A mask of the capabilities that this kernel knows. */
uint64_t privileges_known(void);
