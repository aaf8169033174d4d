/*
 * Lines that the container's /etc/passwd and /etc/group are to have: of whoever the program runs
 * as, and of users of the host (`--hostuser`).
 *
 * Called by init, inside the new root, and by the unit tests.  Written is what is the root's own:
 * a file that is reached through a mount, or is one, belongs to the host (EXDEV).
 */
#pragma once

#include <stdint.h>

#include "user.h"

/* Appends a passwd line for user->uid; its name is the uid where another line has the
   name already.  `form`: the line, with $USERNAME, $UID, $GID, $NAME and $HOME in it, or
   NULL: the usual one; a line that is there already is not appended again.  -1 and errno; not
   worth failing for unless somebody has asked for a form. */
int user_add_entry(int root, const struct user *user, const char *form);

/* Appends a group line for user->gid, named by the number, unless there is one.  The
   same; of a form $GROUPNAME, $GID and $USERLIST, which is the user's name. */
int user_add_group(int root, const struct user *user, const char *form);

/* Appends a passwd line as it is, unless the file has one with this name or this uid.
   -1 and errno. */
int user_add_line(int root, const char *name, uint32_t uid, const char *line);
