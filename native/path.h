/*
 * Paths inside a root that is not trusted.
 *
 * Called by init after it has entered the new root (so that the kernel's own
 * resolution ends there too) and by the unit tests with any directory as root.
 * Absolute links and ".." stay inside `root`; links of /proc that are not text
 * (magic links) are refused: CVE-2019-19921, CVE-2024-21626, CVE-2024-45310.
 * openat2(2) where there is one (Linux 5.6), else component by component.
 *
 * All functions return a close-on-exec descriptor that the caller owns, or -1
 * and errno.
 */
#pragma once

#include <sys/types.h>

enum path_kind {
    PATH_ANY,
    PATH_DIRECTORY,
    PATH_FILE,
};

#define PATH_NO_SYMLINKS 1u /* no component may be a symbolic link (ELOOP) */

/* What is there, as O_PATH. */
int path_open(int root, const char *path, unsigned flags);

/* Opens a regular file with open(2) flags; EINVAL for anything else.  A fifo or
   a device is not opened at all. */
int path_open_regular(int root, const char *path, int open_flags);

/* What is there, as O_PATH; what is missing is made: parents as directories 0755,
   the last component as `kind` with `mode`.  ENOTDIR or EISDIR when it exists as
   the other kind. */
int path_ensure(int root, const char *path, enum path_kind kind, mode_t mode, unsigned flags);

/* The directory that holds the last component, made if missing, as O_PATH; the
   component is copied to `name` (NAME_MAX + 1 bytes). */
int path_ensure_parent(int root, const char *path, char *name, unsigned flags);
