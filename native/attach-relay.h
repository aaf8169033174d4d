/*
 * The `attach` verb: copies between descriptors 0, 1, 2 and a container's attach
 * socket, as the caller, until the program ends or the detach keys are typed.
 *
 *     tsman-native attach RUN_DIRECTORY stdin|- KEYS
 *
 * KEYS are numbers of bytes with commas between them, or "".  What the caller has
 * to know comes as frames on TSMAN_CONTROL_FD: STARTED when it is connected, then
 * WARNING, DETACHED, EXITED as of the monitor's control socket, or FAILED.  The end
 * of file without EXITED means that the monitor is gone.
 */
#pragma once

int attach_main(char **argv);
