/*
 * The caller's own files and directories that the container needs (SET_OPEN):
 * overlay layers, volumes, host devices.
 *
 * Opened by stage 1, O_PATH, as the caller, before it changes its ids: the
 * container's root may not search the caller's private directories, and when the
 * caller is root it is another user altogether.  Used by init.
 */
#pragma once

#include <stdbool.h>

#include "plan.h"

/* Descriptor of a slot, or -1.  The table belongs to the process. */
int slots_descriptor(int slot);

enum slots_phase {
    SLOTS_EARLY, /* absolute paths */
    SLOTS_LATE,  /* "@N/name", below another slot: what a stage command has mounted */
};

/* Opens the slots of one phase that are not open yet.  With `skip_denied` those that
   may not be opened with the present ids stay closed, without an error: EACCES, or
   EOVERFLOW for an id that a file system in user space cannot be told. */
int slots_open(const struct plan *plan, enum slots_phase phase, bool skip_denied,
               struct failure *failure);

/* Closes all of them; or those of the OPEN records only, to be opened anew. */
void slots_close(void);
void slots_close_paths(const struct plan *plan);

/* The next record of an early slot that is not open; start with *position 0. */
const struct plan_record *slots_next_missing(const struct plan *plan, size_t *position);

/* Takes over a descriptor that somebody else has opened for the record. */
int slots_set(const struct plan_record *record, int fd, struct failure *failure);

/* SET_OPEN_MOUNT, SET_OPEN_IDMAPPED: takes over the detached mount for the record. */
void slots_set_mount(const struct plan_record *record, int mount);

/* That mount, which is the caller's from now on, or -1 if the slot holds none. */
int slots_take_mount(const struct plan *plan, int slot);

/* More slots than the soft limit of descriptors allows are fine: it is raised
   meanwhile, and given back before the program is executed. */
void slots_raise_limit(const struct plan *plan);
void slots_restore_limit(void);
