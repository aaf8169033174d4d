/*
 * Mounts by descriptor.  Called by init only.
 *
 * With the mount API of Linux 5.2 (fsopen, open_tree, move_mount) a mount is made
 * detached, given its flags, and then attached to an open directory, so that no
 * path is looked up twice and nothing is visible half-made.  Where a call is
 * missing (ENOSYS), mount(2) is used with paths of the form "fd/N", relative to our directory in
 * the host's /proc (struct init.proc_self), which needs no /proc in the container.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init.h"

/* The words of a flag list (protocol.h, OP_MOUNT): MOUNT_ATTR_* bits to be set and to be
   cleared, of the mount itself (`plain`) and of all below it as well (`deep`). */
struct mounting_change {
    uint64_t set, clear;
};
struct mounting_flags {
    struct mounting_change plain, deep;
    bool recursive; /* a bind takes what is mounted below along, and `plain` is for that too */
    bool top;       /* `plain` is not */
    bool sync, dirsync, lazytime;
    unsigned long propagation; /* MS_PRIVATE ..., 0: unchanged */
};
/* -1 and errno EINVAL for an unknown word. */
int mounting_parse_flags(const char *list, struct mounting_flags *flags);

/* "", or MS_PRIVATE ... with MS_REC for the r-prefix; -1 and errno EINVAL. */
int mounting_parse_propagation(const char *word, unsigned long *propagation);

/* A new file system.  Returns a descriptor for the detached mount, or
   MOUNTING_LEGACY when the kernel cannot: use mounting_new_legacy(). */
#define MOUNTING_LEGACY (-2)
int mounting_new(struct init *init, const char *type, const char *source,
                 const struct mounting_flags *flags, const char *data);
int mounting_new_legacy(struct init *init, const char *type, const char *source,
                        const struct mounting_flags *flags, const char *data, int target);

/* Binds `source` onto `target`, with what the flags change about those of the source. */
int mounting_bind(struct init *init, int source, int target, const struct mounting_flags *flags);

/* Attaches a detached copy of a mount that is not ours, changed likewise. */
int mounting_move(struct init *init, int mount, int target, const struct mounting_flags *flags);

/* Changes what is mounted at `target` already. */
int mounting_change(struct init *init, int target, const struct mounting_flags *flags);

/* Attaches a detached mount. */
int mounting_attach(struct init *init, int mount, int target);

/* A system call whose path arguments are "fd/N": runs with proc_self as working
   directory. */
void mounting_fd_path(char path[16], int fd);
int mounting_enter_proc(struct init *init);
void mounting_leave_proc(const struct init *init);

/* Where mount(2) has put something on `fd`: the same path looked up again, since the
   descriptor still means what is below.  -1 and a failure. */
int mounting_reopen(int proc_self, int fd, struct failure *failure);

/* Messages of a file system context (fsopen(2)) as detail of the failure. */
void mounting_context_log(int context, struct failure *failure);

/* Gives a context the options of a comma separated list. */
int mounting_configure(int context, const char *data, struct failure *failure);
