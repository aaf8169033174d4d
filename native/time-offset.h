/* Offsets of a time namespace (SET_TIME_OFFSET).  Stage 1 only. */
#pragma once

#include "error.h"
#include "plan.h"

/* Makes a time namespace for our children and gives it the plan's offsets.  To be called
   while /proc/self is our own: before we become another user or undumpable.  Whoever is forked
   first afterwards fixes the offsets (time_namespaces(7)). */
int time_offset_unshare(const struct plan *plan, struct failure *failure);
