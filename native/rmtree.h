/*
 * Removes directory trees (the `rmtree` verb), also inside `userns` for files of
 * subordinate ids.  By descriptors: no symbolic link is followed, no mount point
 * entered, whenever it came.  Directories that the caller owns but may not read are made readable.
 */
#pragma once

#include <stdbool.h>

/* Removes one tree, or one file, below directory `parent`; the first error goes to
   stderr.  Whether all of it is gone.  One thread at a time. */
bool rmtree_at(int parent, const char *path);

/* The same of an absolute path, saying nothing. */
bool rmtree_quietly(const char *path);

/* Goes on after an error; the first one goes to stderr.  0 or 1, the exit status. */
int rmtree_main(char **paths);
