/*
 * Which devices a container may use: SET_DEVICE_FILTER (protocol.h), a program that the kernel asks
 * at each open(2) and mknod(2) of a process in the container's control group.
 *
 * Called by the monitor, as the caller, before anything enters the group: it takes rights of the
 * host's user namespace (bpf(2)).
 */
#pragma once

#include "cgroup.h"
#include "error.h"
#include "plan.h"

int device_filter_attach(const struct cgroup *cgroup, const struct plan *plan,
                         struct failure *failure);
