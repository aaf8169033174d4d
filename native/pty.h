/*
 * The container's terminal: made by init from the container's own devpts, so that
 * its name means something inside; the master goes to the monitor by
 * descriptor, and nothing is looked up by name again (CVE-2025-52565).
 */
#pragma once

#include "init.h"

/* Opens the pair, sends the master, keeps the slave in init->tty. */
int pty_open(struct init *init);
/* OP_CONSOLE: the same, and the slave on /dev/console. */
int pty_console(struct init *init);
/* Makes it the controlling terminal of init's session. */
int pty_control(struct init *init);
