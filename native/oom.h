/*
 * Whether the kernel killed a process of the container for lack of memory: the counter
 * `oom_kill` in memory.events of its cgroup (Documentation/admin-guide/cgroup-v2.rst),
 * before and after.  In a cgroup that it shares with others only init's end tells whose
 * process that was.  Monitor only.
 *
 * Without a cgroup v2 that has the memory controller nobody can tell, and then this
 * says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum oom { OOM_NO, OOM_YES, OOM_UNKNOWN };

struct oom_counter {
    int events;  /* memory.events, -1: there is none; owned */
    bool is_own; /* the cgroup is the container's */
    uint64_t before, told;
};

void oom_begin(struct oom_counter *counter, pid_t init);
/* In the container's own cgroup. */
void oom_begin_at(struct oom_counter *counter, int cgroup);
/* Whether there was a kill since the last call; closes the file when it is gone. */
bool oom_take(struct oom_counter *counter);
/* `killed`: SIGKILL ended init, and it was not ours. */
enum oom oom_verdict(const struct oom_counter *counter, int killed);
void oom_end(struct oom_counter *counter);
