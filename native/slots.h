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

/* Opens the slots whose path is absolute or, with `late`, those of the form
   "@N/name" below another slot. */
int slots_open(const struct plan *plan, bool late, struct failure *failure);
