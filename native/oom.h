/*
 * Whether the kernel killed init for lack of memory: the counter `oom_kill` in
 * memory.events of init's cgroup (Documentation/admin-guide/cgroup-v2.rst), before and
 * after.  Monitor only.
 *
 * Without a cgroup v2 that has the memory controller nobody can tell, and then this
 * says so.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum oom { OOM_NO, OOM_YES, OOM_UNKNOWN };

struct oom_counter {
    int events; /* memory.events, -1: there is none; owned */
    uint64_t before;
};

void oom_begin(struct oom_counter *counter, pid_t init);
/* `killed`: SIGKILL ended init, and it was not ours. */
enum oom oom_verdict(const struct oom_counter *counter, int killed);
void oom_end(struct oom_counter *counter);
