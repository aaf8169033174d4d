/*
 * What stays of `tsman run` while a container runs: the caller's side of the
 * control socket, without Node.  TypeScript prepares the launch, writes it to a
 * file and becomes this program (execve); its exit status is the container's.
 *
 *   tsman-native session LAUNCH-FILE ID PROGRAM ARGUMENT...
 *
 * LAUNCH-FILE holds one LAUNCH frame with SET_SESSION; it is removed once read.
 * PROGRAM and its arguments are the command line that started it all: for whatever
 * takes words to explain, this program becomes that one again, with
 * TSMAN_SESSION="failed|lost|interrupted-SIGNAL PID ID" in its environment.
 */
#pragma once

int session_main(char **argv);
