/*
 * Hooks that run in the container's namespaces (OP_HOOK; runtime-spec/config.md, "POSIX-platform
 * Hooks").  Init only; those of the host's namespaces are TypeScript's.
 */
#pragma once

#include "init.h"

/* The step itself: a "container" hook is run, one of "start" waits for hook_run_start(). */
int step_hook(struct init *init, const struct plan_record *step);

/* All of "start", in their order, right before the program. */
int hook_run_start(struct init *init);

/* Whether the operands fit together (plan-order.c). */
bool hook_is_valid(const struct plan_record *record);
/* "start" or "container" */
bool hook_is_start(const struct plan_record *record);
