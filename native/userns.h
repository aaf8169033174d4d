/*
 * The `userns` verb: a program as root of a new, mapped user namespace.  The
 * process itself executes the program, so that the caller is its parent and its
 * descriptors stay; a child that stays outside for a moment writes the maps.
 */
#pragma once

/* `words` follow the verb.  Returns only to fail: 125, 126 or 127. */
int userns_main(char **words);
