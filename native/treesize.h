/*
 * Adds up the sizes of files in directory trees (the `treesize` verb), inside
 * `userns` for files of subordinate ids.  By descriptors: no symbolic link is
 * followed, no mount point entered; a file with several names counts once.
 */
#pragma once

#include <stdint.h>

/* Of one tree; 0, or -1 when it cannot be read, with the reason on stderr. */
int treesize_of(const char *path, uint64_t *bytes);

/* Prints a line for each tree: its bytes, or "-" when it cannot be read, with the
   reason on stderr.  0, or 1 when one was not read. */
int treesize_main(char **paths);
