/*
 * The `userns` verb: a program as root of a new, mapped user namespace.  The
 * process itself executes the program, so that the caller is its parent and its
 * descriptors stay; a child that stays outside for a moment writes the maps.
 *
 * With --worker the program is one of tsman's own: it ends with the process PARENT, which
 * must be the caller, and leaves no core file.
 */
#pragma once

/* `words` follow the verb.  Returns only to fail: 125, 126 or 127. */
int userns_main(char **words);
