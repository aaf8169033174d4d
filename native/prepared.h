/*
 * Namespaces that are made while Node still plans the container that gets them: the setuid
 * newuidmap alone takes milliseconds.
 *
 *   Node                        giver (`tsman-native userns --give`)     a child of it
 *      | starts it ------------------> | fork --------------------------> |
 *      | plans                         |                                  | unshare user
 *      |                               | <--------- MAP_WANTED, user ---- |
 *      |                               | newuidmap, newgidmap             |
 *      |                               | - MAP_DONE --------------------> |
 *      |                               |                                  | unshare network
 *      |                               | <-------- MAP_DONE, network ---- |
 *      |                               | kills it, and waits for that     X
 *      | <---- MAP_DONE, descriptors - | ends
 *      | becomes the session, whose monitor's stage 1 receives that and joins
 *
 * Of whatever fails there nothing is said: stage 1 then makes them itself, and can report why not.
 * The child is gone before anybody hears of its namespaces: it has the host's mounts and processes,
 * and a container that shares these could trace it (CVE-2016-9962).
 */
#pragma once

#include <stdbool.h>

#include "map.h"

/* -1: there is none. */
struct prepared {
    int user, network;
};

/* The giver's part, with the caller's ids and namespaces; its exit status. */
int prepared_give(int socket, const struct map_request *request, bool with_network);

/* Waits for what the giver has made; nothing when it has failed.  Closes the socket. */
void prepared_receive(int *socket, struct prepared *prepared);

/* Joins it, and closes the descriptor; false: it is to be made. */
bool prepared_join(int *namespace, int flag);
