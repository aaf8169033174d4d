/*
 * Whole directory trees, by descriptors: no link is followed.  Called by init, as
 * root of the user namespace.  0, or -1 and errno.
 */
#pragma once

#include <sys/types.h>

/* Copies the contents of directory `from` (O_PATH will do) into directory `to`:
   directories, regular files, symbolic links and fifos, with owner, mode, times and
   extended attributes; nothing else.  Hard links become files of their own. */
int tree_copy(int from, int to);

/* Like tree_copy, into a directory that may have contents: what overlayfs(5) would
   show with `from` above `to`.  A whiteout (character device 0:0) and an opaque
   directory (user.overlay.opaque) take away what is below them; overlayfs.rst,
   "whiteouts and opaque directories". */
int tree_merge(int from, int to);

/* Gives `top` (O_PATH will do) and all below it, on the same file system, to
   uid:gid.  What has them already is left alone. */
int tree_chown(int top, uid_t uid, gid_t gid);
