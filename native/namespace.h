/* Names of namespaces, as in the OCI runtime specification, and their flags. */
#pragma once

#include <stdbool.h>

#include "error.h"
#include "plan.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* Linux 5.6; not every C library has it */
#endif

/* CLONE_NEW* of "user", "mount", "pid", "uts", "ipc", "network", "cgroup", "time"; 0:
   none of them. */
int namespace_flag(const char *name);

#define NAMESPACE_ALL (~0)

/* Those of the flags `among` of which the process has a namespace that is not ours, or -1:
   ESRCH when it has ended. */
int namespace_flags_that_differ(const char *pid, int among, struct failure *failure);

/* All flags of the plan's UNSHARE records, or -1. */
int namespace_unshare_flags(const struct plan *plan, struct failure *failure);

/* unshare(2); a refusal gets the values of the sysctls that may be its cause. */
int namespace_unshare(int flags, struct failure *failure);

/* Whether CAP_SYS_ADMIN shows others' mount namespaces: NS_MNT_GET_PREV
   (include/uapi/linux/nsfs.h), since Linux 6.12 and until that became the right of the machine's
   root. */
bool namespace_finds_mounts(void);
