/*
 * Messages between the three processes of a start.
 *
 *   monitor                      stage 1                        init (pid 1)
 *      | fork --------------------> |
 *      |                            | unshare user, mount
 *      | <------------ MAP_WANTED - |
 *      | newuidmap, newgidmap       | opens the SET_OPEN slots
 *      | - MAP_DONE --------------> |
 *      | <----------- OPEN_WANTED - |      (root only, for what is another user's)
 *      | - OPENED ----------------> |
 *      |                            | stage commands, late slots
 *      |                            | becomes 0:0, unshares the rest
 *      |                            | clone(CLONE_PARENT) ----------> |
 *      | <-------------- INIT_PID - |                                 | steps
 *      | <------------ NET_WANTED - |      (SET_NETWORK only)         |
 *      | starts slirp4netns         |                                 |
 *      |                            | exits, or waits for the end of  |
 *      |                            | its socket                      |
 *      | <--------------------------------------- TTY (descriptor) -- |
 *      | <------------------------------------- WARNING, any number - |
 *      | <------------------------------------------- INIT_READY ---- |
 *      | waits for slirp4netns, and for the caller's START            |
 *      | = START ===================================================> | execve
 *      | <----------------------------------- end of file: it worked  |
 *
 * With SET_START_PIPES the end is another one:
 *      | = LEAVE ===================================================> | unties itself
 *      | <------------------------------------------------- LEFT ---- | reads there
 *      | exits
 *
 * What is drawn double goes over a pipe, see order.h.  A CALLER step is CALLER_WANTED, answered by
 * GO_ON when the caller says so; STATUS_WANTED is answered by STATUS.
 *
 * In a pid namespace that is joined stage 1 does init's first steps, with init's socket and pipe,
 * and clones it then (outside.h); a privileged one on Linux 6.17 and later.
 *
 * Either child may send FAILED instead of its next message and then exits.
 *
 * Why this order:
 *  - Three processes: a pid namespace takes effect for children only
 *    (pid_namespaces(7)), so the one that unshares cannot be pid 1; and the one
 *    that writes the id maps must be outside of the new user namespace with the
 *    caller's ids (user_namespaces(7), "Defining user and group ID mappings").
 *  - user and mount namespace before the maps: neither depends on them, and the
 *    setuid newuidmap takes long enough for stage 1 to open the slots meanwhile.
 *    They must be opened after the mount namespace exists, since a descriptor of
 *    another mount namespace cannot be bind-mounted (check_mnt in
 *    fs/namespace.c), and before setresuid, since only the caller may search
 *    their parents.
 *  - uts, ipc, network, pid, cgroup after the maps: files of sysfs and the root
 *    of mqueue get their owner when the namespace is made.
 *  - slirp4netns joins through stage 1's pid, not init's: stage 1 is not in the
 *    container's pid namespace, so it may stay dumpable (slirp4netns needs that
 *    to open its namespaces) while init may not (CVE-2016-9962).  That is why
 *    stage 1 waits then.
 *  - init is the monitor's child (CLONE_PARENT), so that waitpid gives the
 *    monitor its exit status and PR_SET_PDEATHSIG refers to the monitor.
 *
 * Two SOCK_SEQPACKET pairs, one for each child, all close-on-exec: the exec of
 * the user's program closes init's, which is how its success is seen.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

enum sync_type {
    SYNC_MAP_WANTED = 1,
    SYNC_MAP_DONE,
    SYNC_OPEN_WANTED, /* value: index of a setting, an OPEN record */
    SYNC_OPENED,      /* carries a descriptor, or value: errno */
    SYNC_NET_WANTED,
    SYNC_INIT_PID, /* value: the pid */
    SYNC_TTY,      /* carries a descriptor */
    SYNC_WARNING,
    SYNC_INIT_READY,
    SYNC_FAILED,
    SYNC_CALLER_WANTED, /* value: 1 of stage 1, which init is not forked from yet; else 0 */
    SYNC_LEFT,
    SYNC_STATUS_WANTED, /* init: what its /proc/PID/status says */
    SYNC_FORKING, /* stage 1, where others may see init: its socket may be theirs from here on */
};

struct sync_message {
    uint32_t type;
    int32_t value;
    union {
        struct failure failure; /* FAILED */
        char text[1024];        /* WARNING */
    };
};

/* sockets[0] is the monitor's end. */
int sync_pair(int sockets[2]);

/* Pairs that a process which ends with this has made: SO_PEERPIDFD (unix(7)) names who has made a
   pair, to whoever has one of its ends.  -1 and errno. */
int sync_anonymous_pairs(int pairs[][2], size_t count);

/* Sends one message; `fd` >= 0 is passed along. -1 and errno. */
int sync_send(int socket, enum sync_type type, int32_t value, int fd);
int sync_send_warning(int socket, const char *text);
int sync_send_failure(int socket, const struct failure *failure);

/* Receives one message: 1, 0 at the end of file, -1 and errno (EAGAIN with
   MSG_DONTWAIT in `flags`).  *fd is -1 or a descriptor that the caller owns. */
int sync_receive(int socket, struct sync_message *message, int *fd, int flags);

/* For the children: blocks until `type` comes; -1 if the monitor is gone. */
int sync_await(int socket, enum sync_type type);
/* Until there is nothing more to come. */
void sync_await_end(int socket);
