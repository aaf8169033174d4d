/*
 * The id maps of a user namespace (user_namespaces(7)).
 *
 * map_apply() is called from outside of the namespace, by a process with the
 * caller's ids: the monitor for a container, a forked child for the `userns`
 * verb.  The target must be dumpable, else its files in /proc belong to root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define MAP_MAX_TEXT 4096 /* the kernel takes less than one page in one write */

struct map_request {
    char uid[MAP_MAX_TEXT], gid[MAP_MAX_TEXT]; /* lines "inside outside count\n" */
    size_t uid_length, gid_length;
    const char *newuidmap, *newgidmap; /* NULL: write the files directly */
    bool deny_setgroups;
};

/* Appends a line; -1 and EINVAL when the map is too long. */
int map_add(char *text, size_t *length, const char *inside, const char *outside, const char *count);

/* Stage of the failure is "map". */
int map_apply(pid_t target, const struct map_request *request, struct failure *failure);
