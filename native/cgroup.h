/*
 * The control group that the caller has made for a container
 * (Documentation/admin-guide/cgroup-v2.rst): entered by stage 1, watched, emptied and
 * removed by the monitor.  What limits it has is the caller's business.
 */
#pragma once

#include <stdbool.h>

#include "plan.h"

struct cgroup {
    int directory; /* -1: there is none; owned */
    int entry;     /* its cgroup.procs, for stage 1; owned */
    char path[1024];
};

void cgroup_init(struct cgroup *cgroup);

/* Monitor, as the caller: whether a process may be moved is asked of whoever has opened
   the file, so that stage 1 may enter with any ids. */
int cgroup_open(struct cgroup *cgroup, const struct plan *plan, struct failure *failure);

/* Stage 1: it, and what it clones from here on. */
int cgroup_enter(struct cgroup *cgroup, struct failure *failure);

/* Monitor: its processes are frozen, or are about to be. */
bool cgroup_is_frozen(const struct cgroup *cgroup);

/* Monitor: SIGKILL for every process in it, frozen ones included. */
void cgroup_kill(const struct cgroup *cgroup);

/* Monitor: removes it with what a program may have made below it; waits some seconds for
   the last process's end. */
void cgroup_remove(struct cgroup *cgroup);

/* In a child of the monitor's: the descriptors, but for cgroup.procs. */
void cgroup_leave_to_monitor(struct cgroup *cgroup);
