/* Offsets of a time namespace (SET_TIME_OFFSET).  Stage 1 only. */
#pragma once

#include "error.h"
#include "plan.h"

/* Our directory in the host's /proc, if there are offsets to be written there: before a mount
   namespace is joined, whose /proc may be anything.  O_PATH, or -1; 0 or -1 and a failure. */
int time_offset_open(const struct plan *plan, int *self, struct failure *failure);

/* Makes a time namespace for our children and gives it the plan's offsets, closing `self`.  To be
   called while that is our own: before we become another user or undumpable.  Whoever is forked
   first afterwards fixes the offsets (time_namespaces(7)). */
int time_offset_unshare(const struct plan *plan, int *self, struct failure *failure);
