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

/* First thing: opens our status, in /proc, while that is the host's; without (`sees_host`) the
   monitor is asked, or, where that cannot see us or has left, the kernel.  A directory of the
   host's, /proc too, is nothing to bring along: who may trace us gets from there to all others
   (/proc/PID/fd/N/..). */
int verify_begin(struct init *init, bool sees_host);

/* Before READY: what is masked and what is read-only, as of the paths' last meaning. */
int verify_paths(struct init *init);

/* Before the filter that is installed last, or, where that comes earlier, before that one
   (`partly`): ids, groups, hard limits, and, unless partly, capabilities and no_new_privs.
   Closes our status. */
int verify_credentials(struct init *init, bool partly);
