/* "{pid}" in texts that TypeScript has prepared. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* A copy with the first `count` of them replaced, to be freed; NULL without memory.  What
   comes after them is somebody else's and left as it is. */
char *placeholder_fill(const char *text, pid_t pid, unsigned count, size_t *length);
