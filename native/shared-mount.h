/*
 * Mounts of the container whose namespaces are joined: SET_OPEN_MOUNT (protocol.h), for
 * `--ipc container:NAME`, where the shared memory lies in a tmpfs of that container's.
 *
 * Called by stage 1 as root of the joined user namespace, in its own mount namespace.
 * What that container has made of the path is not to be trusted: it is looked up in
 * there, by a child that has joined its mount namespace, and what is found is looked at.
 */
#pragma once

#include "error.h"
#include "plan.h"

/* Puts a detached copy of each mount into its slot.  `owner` is the pidfd of JOIN_OWNER. */
int shared_mounts_open(const struct plan *plan, int owner, struct failure *failure);
