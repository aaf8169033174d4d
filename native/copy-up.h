/* What a directory of the image holds, copied into the tmpfs that is about to
   cover it ("tmpcopyup").  Called by init. */
#pragma once

#include "init.h"

/* Directories, regular files, symbolic links, fifos; with owner, mode and times.
   Nothing else is copied, and no link is followed. */
int copy_up(struct init *init, int from, int to, const char *name);
