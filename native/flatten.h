/*
 * Merges the layers of an image into one plain directory (the `flatten` verb), for
 * hosts that can mount no overlay.  Runs as root of a user namespace that maps the
 * layers' owners.
 */
#pragma once

/* TARGET (an existing directory), then the layers' directories, lowest first.  The
   first error goes to stderr.  0 or 1, the exit status. */
int flatten_main(char **paths);
