/*
 * Which records of a plan go together and in which order: what stage 1 and init rely upon
 * without looking again.  For plan.c.
 */
#pragma once

#include "error.h"
#include "plan.h"

int plan_check_order(const struct plan *plan, struct failure *failure);
