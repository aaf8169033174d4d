/*
 * Joining namespaces by path (SET_JOIN), in any combination with those that are made.
 * Stage 1 only.
 *
 *   joins_open()    all of them, before the first is joined: the paths are the caller's, and
 *                   /proc is another one afterwards
 *   joins_early()   with the caller's rights, before the user namespace changes: what belongs
 *                   to the namespace that is left cannot be joined afterwards
 *   joins_user()    the user namespace, if it is one of them
 *   joins_late()    with the rights that the user namespace has given, all but that of pid
 *   joins_pid()     right before the fork: it takes effect for children only, and ours until
 *                   then must see us (pid_namespaces(7))
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "error.h"
#include "plan.h"

#define JOINS_MAX 8

struct join {
    int flag, fd; /* fd -1: joined */
    const char *path;
};

struct joins {
    struct join list[JOINS_MAX];
    size_t count;
    int flags; /* of all of them */
    int owner; /* pidfd of JOIN_OWNER, or -1 */
    /* Our user namespace, looked at before /proc may be another one. */
    struct stat own_user;
};

int joins_open(struct joins *joins, const struct plan *plan, struct failure *failure);

/* `makes_user`: a user namespace is made, in which none of them can be joined.  With
   `may_pid` also that of pid, if there is no other time for it: no child of ours may be
   forked from here on but init. */
int joins_early(struct joins *joins, bool makes_user, bool may_pid, struct failure *failure);
int joins_user(struct joins *joins, struct failure *failure);
int joins_late(struct joins *joins, struct failure *failure);
int joins_pid(struct joins *joins, struct failure *failure);
/* That one as long as it is not joined, else -1. */
int joins_pid_namespace(const struct joins *joins);
