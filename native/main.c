/*
 * tsman-native: the part of tsman that has to be C, because it works between
 * clone(2) and execve(2) or in a process that must be small.
 *
 *   monitor   runs one container (monitor.h); descriptor 3 is the control socket
 *   userns    runs a program as root of a user namespace (userns.h)
 *   mount     mounts a container's files (view.h)
 *   rmtree    removes directory trees (rmtree.h)
 *   treesize  adds up the sizes of files (treesize.h)
 *   flatten   merges layers into one directory (flatten.h)
 *   supervise the first process of a container with --init (dumb-init.h)
 *   attach    copies between an attach socket and the terminal (attach-relay.h)
 *   session   what stays of `tsman run` while its container runs (session.h)
 *   version   protocol version and C library
 *
 * Not for people: the TypeScript side is the only caller, and protocol.h what it
 * agrees upon.
 */
#include <features.h>
#include <stdio.h>
#include <string.h>

#include "attach-relay.h"
#include "dumb-init.h"
#include "flatten.h"
#include "monitor.h"
#include "protocol.h"
#include "rmtree.h"
#include "session.h"
#include "treesize.h"
#include "userns.h"
#include "view.h"

#ifdef __GLIBC__
#define LIBC "glibc"
#else
#define LIBC "musl"
#endif

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "monitor") == 0)
        return monitor_main(argv);
    if (strcmp(verb, "userns") == 0)
        return userns_main(argv + 2);
    if (strcmp(verb, "mount") == 0 && argc > 2)
        return view_mount_main(argv + 2);
    if (strcmp(verb, "rmtree") == 0 && argc > 2)
        return rmtree_main(argv + 2);
    if (strcmp(verb, "treesize") == 0 && argc > 2)
        return treesize_main(argv + 2);
    if (strcmp(verb, "flatten") == 0 && argc > 2)
        return flatten_main(argv + 2);
    if (strcmp(verb, "supervise") == 0)
        return dumb_init_main(argv + 2);
    if (strcmp(verb, "attach") == 0 && argc == 5)
        return attach_main(argv + 2);
    if (strcmp(verb, "session") == 0)
        return session_main(argv + 2);
    if (strcmp(verb, "version") == 0) {
        printf("protocol %d\nlibc %s\n", TSMAN_PROTOCOL_VERSION, LIBC);
        return 0;
    }
    fprintf(stderr, "tsman-native: usage: tsman-native monitor | userns ... | rmtree PATH... | "
                    "treesize PATH... | flatten TARGET LAYER... | supervise PID | attach DIRECTORY "
                    "stdin|- KEYS | "
                    "session LAUNCH-FILE ID PROGRAM ... | version\n");
    return 125;
}
