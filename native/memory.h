/* Ownership by scope, as crun does it: a variable that is marked so is released
   when it goes out of scope; give_fd() hands it on. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void memory_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void memory_free(void *pointer)
{
    free(*(void **)pointer);
}

#define cleanup_close __attribute__((cleanup(memory_close)))
#define cleanup_free  __attribute__((cleanup(memory_free)))

/* Takes a descriptor out of a cleanup_close variable: the caller owns it now. */
static inline int give_fd(int *fd)
{
    int given = *fd;
    *fd = -1;
    return given;
}

/* Closes a descriptor that a structure owns, once. */
static inline void drop_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
