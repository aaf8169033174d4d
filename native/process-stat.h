/* What /proc/PID/stat says of a process (proc_pid_stat(5)). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field 22: clock ticks since boot; 0 if there is no such process. */
uint64_t process_start_time(pid_t pid);

/* Whether it is over, though it may have descriptors, state and rights still: it does nothing any
   more (PF_EXITING, field 9). */
bool process_is_ending(pid_t pid);

/* Whether it is over without ever having executed a program (PF_FORKNOEXEC). */
bool process_never_executed(pid_t pid);
