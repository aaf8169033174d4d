/*
 * Adds up the sizes of files in directory trees (the `treesize` verb), inside
 * `userns` for files of subordinate ids.  By descriptors: no symbolic link is
 * followed, no mount point entered; a file with several names counts once.
 */
#pragma once

#include <stdint.h>

struct treesize {
    uint64_t bytes; /* of files, as they say; directories not counted */
    uint64_t used;  /* on the disk, directories and the tree itself included, as du(1) counts */
};

/* Of one tree; 0, or -1 when it cannot be read, with the reason on stderr. */
int treesize_of(const char *path, struct treesize *size);

/* Prints a line for each tree: both numbers, or "-" when it cannot be read, with the
   reason on stderr.  0, or 1 when one was not read. */
int treesize_main(char **paths);
