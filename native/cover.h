/*
 * Parts of a directory for ids that may not enter it.
 *
 * Without the caller among the mapped ids (root, nomap) nobody in the namespace
 * may enter the caller's closed directories, such as the one in which tsman is
 * installed.  What is needed of it is opened before, and mounted at its place in
 * an empty directory that covers the closed one, in a mount namespace of the
 * program's own.
 */
#pragma once

#include <stdbool.h>

#include "error.h"

#define COVER_MAX_DIRECTORIES 4
#define COVER_MAX_EXPOSED     16

struct cover {
    const char *directories[COVER_MAX_DIRECTORIES];
    struct {
        const char *path;
        int fd;
    } exposed[COVER_MAX_EXPOSED];
    int directory_count, exposed_count;
};

/* Absolute paths without links; false: not so, or too many. */
bool cover_add(struct cover *cover, const char *directory);

/* Something below the directory that was added last. */
bool cover_expose(struct cover *cover, const char *path);

/* In the mount namespace that is to be changed, since only its own mounts can be
   cloned, with the caller's ids still: who is in no id map still is an owner. */
int cover_open(struct cover *cover, struct failure *failure);

/* As root of the namespace. */
int cover_mount(struct cover *cover, struct failure *failure);
