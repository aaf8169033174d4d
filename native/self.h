/*
 * The monitor's own program file, out of the container's reach.
 *
 * Before execve replaces it, init is our program inside the container, and
 * /proc/1/exe would let root there open the file on the host and overwrite it
 * (CVE-2019-5736; security case S1).  So the monitor executes a sealed copy of
 * itself in memory first, and everything it forks is that copy.
 */
#pragma once

#include "error.h"

/* Returns at once if the program is a sealed copy already; else executes one with
   argv "tsman-monitor" and a blank to be overwritten by self_title().  argv[2] may name
   the directory that the run directories of containers are in: a monitor that runs there
   has a copy, which is executed if it is sealed and, byte for byte, this program.

   A seal is none for the mode and the owner of the file, which each container that shares it
   can change when it has the caller's id.  So whoever executes it once more later, for a health
   check or --init, names no directory: it gets a copy that no other takes. */
int self_seal(char **argv, struct failure *failure);

/* Shows `title` as the second word of the command line in ps(1). */
void self_title(char **argv, const char *title);
