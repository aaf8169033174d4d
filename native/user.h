/*
 * Who the program runs as: `--user` of the command line or USER of the image,
 * looked up in /etc/passwd and /etc/group of the container.
 *
 * Called by init, inside the new root, and by the unit tests.  Both files belong
 * to the image and are hostile: only regular files are read, at most
 * USER_MAX_FILE bytes, and lines with a malformed number are no lines (cases S22
 * and S23; CVE-2024-9676, CVE-2026-30892).
 *
 * The rules are Docker's:
 *   ""           uid 0
 *   "U"          only digits: that uid, always, and never a name; group and home
 *                of its first passwd line, else group 0 and home "/"
 *   "name"       the first passwd line with this name, or an error
 *   ":G", "U:"   an empty part is as if it was missing
 *   "U:G"        G likewise in /etc/group; the supplementary groups are then only
 *                the additional ones
 * Without G the supplementary groups are those that list the user's name.  The
 * primary group is always among them, so that a file that denies it something
 * keeps doing so (CVE-2022-2990).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define USER_MAX_FILE   (4u << 20)
#define USER_MAX_ID     2147483647u
#define USER_MAX_GROUPS 65536u /* NGROUPS_MAX */

struct user {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* malloc'ed */
    size_t group_count;
    bool has_entry; /* a passwd line was found */
    char name[64];  /* for user_add_entry(); "": the uid */
    char home[512];
};

/* `additional`: names or numbers, comma separated.  Failure: EINVAL for what is not
   valid, ENOENT for what is not found. */
int user_lookup(int root, const char *spec, const char *additional, struct user *user,
                struct failure *failure);

/* Afterwards: these groups, numbers, and no other, not even the primary one (OCI's
   additionalGids). */
int user_take_groups(const char *additional, struct user *user, struct failure *failure);

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
