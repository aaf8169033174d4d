/*
 * Whether what init has done has been done (S33): a kernel, or a filter of whoever has started
 * us, may do nothing and say that it has.  Called by init, when nothing of the program has run
 * yet, so that all can be looked at; verify.h looks once more from outside, when it does.
 *
 * What is read comes from the kernel in a form that a call which does nothing does not give:
 * the text of /proc/self/status, structures that hold nonsense before.
 */
#pragma once

#include "init.h"

/* Where init finds its status, but for a directory of the host's /proc. */
enum {
    VERIFY_OWN_PROC = -1, /* in /proc, which is the host's still */
    VERIFY_BY_MONITOR = -2,
};

/* In stage 1, before it joins any namespace, for an init that never sees the host's /proc: the
   directory, or, where somebody in a container may have rights over us, VERIFY_BY_MONITOR: from
   a directory of the host's they would get to all others (/proc/PID/fd/N/..).  -1 and errno. */
int verify_open_proc(bool is_exposed);

/* First thing: opens our status; owns `proc`. */
int verify_begin(struct init *init, int proc);

/* Before READY: what is masked and what is read-only, as of the paths' last meaning. */
int verify_paths(struct init *init);

/* Before the filter that is installed last, or, where that comes earlier, before that one
   (`partly`): ids, groups, hard limits, and, unless partly, capabilities and no_new_privs.
   Closes our status. */
int verify_credentials(struct init *init, bool partly);
