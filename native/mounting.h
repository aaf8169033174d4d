/*
 * Mounts by descriptor.  Called by init; mounting_new() also by stage 1.
 *
 * With the mount API of Linux 5.2 (fsopen, open_tree, move_mount) a mount is made
 * detached, given its flags, and then attached to an open directory, so that no
 * path is looked up twice and nothing is visible half-made.  Where a call is
 * missing (ENOSYS), it is done as in mounting-legacy.h.
 */
#pragma once

#include "init.h"
#include "mounting-flags.h"

struct mounting_recipe {
    const char *type, *source, *data;
    int pid_namespace; /* whose processes a proc shows (Linux 6.17); -1: the maker's */
};

/* A new file system.  Returns a descriptor for the detached mount, or
   MOUNTING_LEGACY when the kernel cannot: use mounting_new_legacy(). */
#define MOUNTING_LEGACY (-2)
int mounting_new(const struct mounting_recipe *recipe, const struct mounting_flags *flags,
                 struct failure *failure);

/* Binds `source` onto `target`, with what the flags change about those of the source. */
int mounting_bind(struct init *init, int source, int target, const struct mounting_flags *flags);

/* The same; returns a descriptor for the mount, or MOUNTING_LEGACY: then it has none. */
int mounting_bind_tree(struct init *init, int source, int target,
                       const struct mounting_flags *flags);

/* Attaches a detached copy of a mount that is not ours, changed likewise: the descriptor is its. */
int mounting_move(struct init *init, int mount, int target, const struct mounting_flags *flags);

/* Changes what is mounted at `target` already. */
int mounting_change(struct init *init, int target, const struct mounting_flags *flags);

/* Attaches a detached mount. */
int mounting_attach(struct init *init, int mount, int target);

/* Messages of a file system context (fsopen(2)) as detail of the failure. */
void mounting_context_log(int context, struct failure *failure);

/* Gives a context the options of a comma separated list. */
int mounting_configure(int context, const char *data, struct failure *failure);
