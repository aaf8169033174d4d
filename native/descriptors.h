/* Closing all descriptors but those that are named. */
#pragma once

#include <stddef.h>

/* All from `first` on; `kept` comes in any order, is put in order, and may hold -1.  Before Linux
   5.9 (ENOSYS) only those below 65536.  -1 and errno. */
int descriptors_close_others(int first, int *kept, size_t count);
