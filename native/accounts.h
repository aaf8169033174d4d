/*
 * The container's /etc/passwd and /etc/group, in their lines and fields.
 *
 * Called by init, inside the new root (user.c, user-add.c), and by the unit tests.  Both files
 * belong to the image and are hostile: only regular files are read, at most ACCOUNTS_MAX_FILE
 * bytes, and lines with a malformed number are no lines (cases S22 and S23; CVE-2024-9676,
 * CVE-2026-30892).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNTS_MAX_FILE (4u << 20)
#define ACCOUNTS_MAX_ID   2147483647u

/* A file's text. */
struct accounts {
    char *bytes; /* malloc'ed; cleanup_accounts releases it */
    size_t length;
    int error;    /* why there is nothing to read */
    bool cut_off; /* the file goes on */
};

/* A stretch of it, without an end of its own. */
struct accounts_field {
    const char *at;
    size_t length;
};

/* name:password:uid:gid:comment:home:shell */
struct accounts_user {
    struct accounts_field name, home;
    uint32_t uid, gid;
};

struct accounts accounts_read(int root, const char *path);

void accounts_release(const struct accounts *accounts);
#define cleanup_accounts __attribute__((cleanup(accounts_release)))

/* From `position` on, which begins as 0; false at the end. */
bool accounts_next_line(const struct accounts *accounts, size_t *position,
                        struct accounts_field *line);

/* The next field up to `separator`; false when there is none left. */
bool accounts_next_field(struct accounts_field *rest, char separator, struct accounts_field *field);

bool accounts_equal(struct accounts_field field, const char *text);

bool accounts_parse_id(struct accounts_field field, uint32_t *id);

/* The first line with this name, or, without one (NULL), with this uid. */
bool accounts_find_user(const struct accounts *passwd, const char *name, uint32_t uid,
                        struct accounts_user *user);

/* name:password:gid:member,member */
bool accounts_parse_group(struct accounts_field line, struct accounts_field *name, uint32_t *gid,
                          struct accounts_field *members);
