/*
 * Who answers for the system calls that a filter hands on (SET_SECCOMP_LISTENER,
 * seccomp_unotify(2)): a program of the host behind a unix socket, which gets the filter's
 * descriptor.
 *
 * The socket is the caller's path, so stage 1 connects it; the filter is loaded in init, which
 * sends.  Nobody answers before that: a filter must not hand on sendmsg(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "plan.h"

/* Stage 1, as the caller. */
int listener_connect(const struct plan *plan, struct failure *failure);
/* Stage 1, after the fork of init: its pid as the caller sees it. */
void listener_tell_pid(pid_t pid);

/* The connection, or NULL; it must stay open until the filter is loaded. */
int *listener_connection(void);
/* The rest is init's. */
/* Before the filter. */
int listener_prepare(const struct plan *plan, struct failure *failure);
/* After it, with its descriptor. */
int listener_send(int filter, struct failure *failure);
