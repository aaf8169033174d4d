/*
 * The change from init, root of the user namespace, to what the program may be: groups,
 * ids, capabilities, no_new_privs and the system call filter.  Init only, right before EXEC.
 */
#pragma once

#include <stdint.h>

#include "init.h"

/* On a failure init.blamed is the step that asked for it. */
int privileges_drop(struct init *init);

/* A mask of the capabilities that this kernel knows. */
uint64_t privileges_known(void);
