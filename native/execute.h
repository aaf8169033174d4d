/*
 * The EXEC step: waits for the monitor's word, gives the program its descriptors and nothing
 * else, and becomes it.  Init only.
 */
#pragma once

#include "init.h"

/* Returns only to fail. */
int execute_program(struct init *init, const struct plan_record *step);
