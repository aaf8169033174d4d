/*
 * Landlock (landlock(7)): a process gives up the file system but for some places, and
 * TCP, for itself and for all that it starts from then on.  Linux 5.13; each version of
 * it knows more rights, and those that this kernel does not know are left out.
 *
 * Monitor only, once the program runs.  See monitor-confine.c for what it keeps.
 */
#pragma once

#include <stdint.h>

/* linux/landlock.h, of which the headers that we build with know a part. */
#define LANDLOCK_WRITE_FILE  (UINT64_C(1) << 1)
#define LANDLOCK_READ_FILE   (UINT64_C(1) << 2)
#define LANDLOCK_READ_DIR    (UINT64_C(1) << 3)
#define LANDLOCK_REMOVE_DIR  (UINT64_C(1) << 4)
#define LANDLOCK_REMOVE_FILE (UINT64_C(1) << 5)
#define LANDLOCK_MAKE_REG    (UINT64_C(1) << 8)
#define LANDLOCK_MAKE_SOCK   (UINT64_C(1) << 9)
#define LANDLOCK_TRUNCATE    (UINT64_C(1) << 14)

/* A new set of rules, or -1 where the kernel has none: a descriptor that the caller
   closes. */
int landlock_begin(void);

/* Keeps these rights below the place, an O_PATH descriptor; of a file, the file's only.
   -1 and errno. */
int landlock_keep(int rules, int place, uint64_t rights);

/* From here on the process has what was kept and no more.  It can gain no privileges
   either.  -1 and errno. */
int landlock_confine(int rules);
