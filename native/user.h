/*
 * Who the program runs as: `--user` of the command line or USER of the image,
 * looked up in /etc/passwd and /etc/group of the container.
 *
 * Called by init, inside the new root, and by the unit tests.
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
 * keeps doing so (CVE-2022-2990).  A file that is there and cannot be read is an error, where it
 * could say more than the number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define USER_MAX_NAME   256u   /* with its NUL */
#define USER_MAX_GROUPS 65536u /* NGROUPS_MAX */

struct user {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* malloc'ed */
    size_t group_count;
    bool has_entry; /* a passwd line was found */
    const char
        *cut_off;  /* a file that says nothing of the user in the part that is read, or NULL */
    char name[64]; /* for user-add.h; "": the uid */
    char home[512];
};

/* `additional`: names or numbers, comma separated.  Failure: EINVAL for what is not
   valid, ENOENT for what is not found; why a file cannot be read. */
int user_lookup(int root, const char *spec, const char *additional, struct user *user,
                struct failure *failure);

/* Afterwards: these groups, numbers, and no other, not even the primary one (OCI's
   additionalGids). */
int user_take_groups(const char *additional, struct user *user, struct failure *failure);
