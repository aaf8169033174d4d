/*
 * Mounts with mount(2), for kernels without the calls of Linux 5.2 (fsopen and the like) or 5.12
 * (mount_setattr).  Called by init only.
 *
 * Paths have the form "fd/N", relative to our directory in the host's /proc (struct
 * init.proc_self), which needs no /proc in the container.
 */
#pragma once

#include "init.h"
#include "mounting-flags.h"

/* A system call whose path arguments are "fd/N": runs with proc_self as working
   directory. */
void mounting_fd_path(char path[16], int fd);
int mounting_enter_proc(struct init *init);
void mounting_leave_proc(const struct init *init);

/* Where mount(2) has put something on `fd`: the same path looked up again, since the
   descriptor still means what is below.  -1 and a failure. */
int mounting_reopen(int proc_self, int fd, struct failure *failure);

/* What mounting_new() and mounting_attach() are together. */
int mounting_new_legacy(struct init *init, const char *type, const char *source,
                        const struct mounting_flags *flags, const char *data, int target);

/* As mounting_bind(). */
int mounting_bind_legacy(struct init *init, int source, int target,
                         const struct mounting_flags *flags);

/* As mounting_change(): of the mount that the descriptor is of, and of those below it if the flags
   say so. */
int mounting_remount_legacy(struct init *init, int mounted, const struct mounting_flags *flags);
