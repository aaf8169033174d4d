/*
 * The monitor: one small process per container (the `monitor` verb).
 *
 * Started by the caller with the control socket as descriptor 3 and the caller's
 * own descriptors 0, 1, 2.  It runs with the caller's ids and in the caller's
 * namespaces for as long as the container does, and owns: the run directory, the
 * log, the container's pty or pipes, the network helper, the exit status.
 *
 * If the monitor dies, init gets SIGKILL (PR_SET_PDEATHSIG) and the network helper
 * the end of its exit_fd: nothing runs on unattended.
 */
#pragma once

int monitor_main(char **argv);
