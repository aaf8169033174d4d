/*
 * What holds for tsman's own processes and not for the programs that they start: their end
 * with whoever has started them, and no picture of their memory on a disk (S105).  Any
 * process; before an execve of somebody else's program the caller's limit is given back.
 */
#pragma once

#include <sys/types.h>

/* SIGKILL for this process at the end of `parent`, and at once if it has ended before.  Not
   inherited; undone by a change of ids and by the execve of a program that gains rights
   (prctl(2)), after which it has to be said again. */
void lifeline_tie(pid_t parent);

/* No core files from here on, for what is started from here neither. */
void lifeline_forbid_core(void);

/* What was before the first lifeline_forbid_core() in this program or its parents. */
void lifeline_restore_core(void);
