/*
 * A file system in user space that lasts as long as its mount does: its process has left
 * the mount namespace in which the mount is, so that nothing keeps that one alive but the
 * session it belongs to; with the mount the connection ends, and the process with that.
 *
 * The caller is root of its user namespace.
 */
#pragma once

#include <stddef.h>

#include "error.h"

/* Mounts on `target` what `program` (fuse-overlayfs) serves with `options`; `inherited`
   are descriptors that it keeps, -1 among them ignored.  0, or -1 and a failure. */
int fuse_mount(const char *target, char *program, char *options, const int *inherited, size_t count,
               struct failure *failure);
