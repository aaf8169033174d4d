/*
 * Lines in the store's file of events (SET_EVENT; protocol.h), for what happens when
 * no Node is there to tell, or would tell too late: "init", "start", "died",
 * "exec_died", "health_status", "remove", "oom".  Monitor only,
 * with the caller's ids.
 */
#pragma once

#include <stddef.h>

#include "error.h"
#include "plan.h"

#define EVENT_KINDS 8u

/* What was prepared, each a status, a path and a line; copied, since the plan is
   released when the program runs. */
struct events {
    size_t count;
    int kept; /* see events_keep_open(); else 0 */
    struct event {
        char *status, *path, *line;
    } list[EVENT_KINDS];
};

int events_read(struct events *events, const struct plan *plan, struct failure *failure);

/* Appends the line prepared for `status`, if there is one: the first "{time}" in it
   becomes the time of day, the first "{status}" after that `outcome`.  The line's
   author sees to it that these stand before any text of a user's.  -1 and errno. */
int event_write(const struct events *events, const char *status, const char *outcome);

/* The file stays open for when it can be opened no more.  Should it have become the old
   one by then, the line is in there. */
void events_keep_open(struct events *events);

void events_release(struct events *events);
