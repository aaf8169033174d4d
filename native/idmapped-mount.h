/*
 * Copies of mounts whose ids are mapped (SET_OPEN_IDMAPPED).  Stage 1 only, as the caller and
 * before any namespace changes: the kernel wants rights over the file system itself, which the
 * container's root never has.
 */
#pragma once

#include "error.h"
#include "plan.h"

/* Puts each into its slot, detached. */
int idmapped_mounts_open(const struct plan *plan, struct failure *failure);
