/* The session keyring of a container's program (session-keyring(7)). */
#pragma once

#include "plan.h"

/* A new one, as KEYRING wants it, once in a process and those that it forks.  -1 and errno. */
int keyring_join(const struct plan *plan);
