/* --init: a small pid 1 in front of the program (SET_DUMB_INIT).  It runs with the
   program's own ids, capabilities and filter. */
#pragma once

#include "init.h"

/* Returns 0 in a child, which goes on to execve; the caller itself stays here as
   pid 1 and ends with the child's status.  -1: no child could be made. */
int dumb_init_fork(struct init *init);

/* The `supervise PID` verb: what pid 1 executes then, with the program as its child. */
int dumb_init_main(char **words);
