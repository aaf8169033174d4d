/*
 * Mounting an overlay whose directories are given as descriptors: for init (the
 * root of a container) and for the `userns` verb (a view of one that does not
 * run).  Called as root of the user namespace, in the mount namespace in which
 * the descriptors were opened (clone_private_mount in fs/namespace.c asks for
 * that).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct overlay {
    int upper, work;   /* -1: read-only, of at least two lower directories */
    const int *lowers; /* the topmost first */
    size_t count;
    const char *options; /* further ones, comma separated: "userxattr" */
    int target;          /* where to attach it; its path must be reachable */
    int proc_self;       /* /proc/self of the host */
    bool in_proc;        /* it is the working directory: /proc is somebody else's */
};

/* Returns a descriptor of the overlay's root, attached at `target`, or -1. */
int overlay_mount(const struct overlay *overlay, struct failure *failure);
