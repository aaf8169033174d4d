/* A root with a passwd and a group as images have them, good and bad lines. */
#pragma once

#include "../user.h"

/* What look_up() has found, or why it has not. */
extern struct user user;
extern struct failure user_failure;

/* A new directory; the tests' to remove (test_directory). */
const char *image(void);

int look_up(const char *directory, const char *spec, const char *additional);
