/*
 * What a program that `userns` starts finds as its working directory: the files of
 * a container that does not run, or the layers that they are made of.  Nothing of
 * the container is executed to get there.
 *
 *   overlay         UPPER WORK LOWER...: what the container sees, to be changed
 *   read-overlay    LAYER LAYER...: the same to be read, the topmost first; also
 *                   while the container runs, since its upper directory is only read
 *   fuse-overlayfs  PROGRAM MOUNTPOINT UPPER|"" WORK|"" LOWER...: the same by a
 *                   program of the host, where the kernel mounts no overlay
 *   layers          DIRECTORY...: an empty directory with each of them, read-only,
 *                   as 0, 1, 2 ...
 *
 * view_open() is called as the caller, right after the user and mount namespaces
 * were made: root of the namespace may not be able to walk the paths, and what is
 * opened before belongs to another mount namespace (clone_private_mount in
 * fs/namespace.c).  view_enter() is called as root of the user namespace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

struct view {
    const char *kind; /* NULL: none */
    char **words;     /* what follows the kind */
    size_t count;
    int *directories; /* as many as words, or -1 */
    int proc_self;
    pid_t helper; /* fuse-overlayfs, or 0; view_leave() ends it */
};

/* Whether kind and number of words make sense. */
bool view_is_valid(const struct view *view);

/* 0, or -1 and a failure. */
int view_open(struct view *view, struct failure *failure);
int view_enter(struct view *view, struct failure *failure);
void view_leave(struct view *view);

/* The `mount` verb: TARGET KIND WORD..., any kind but layers, in the mount namespace of the
   caller, who is root of its user namespace already.  0 or 125. */
int view_mount_main(char **words);
