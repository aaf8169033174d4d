/*
 * A process between init and who answers for its filter (listener.h), where others may see init:
 * a connection names who is at its other end (SO_PEERPIDFD, unix(7)), and to whom CAP_SYS_PTRACE is
 * given that is a way to all that the other has open.  Init has an end of a pair of nobody's, and
 * the relay, which is in none of the container's namespaces and ends with that pair, hands on what
 * comes.
 */
#pragma once

#include "error.h"

/* Stage 1, before it joins anything: puts init's end in the place of the connection. */
int listener_relay(int *connection, struct failure *failure);
