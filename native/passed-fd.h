/*
 * A descriptor in a message of a unix socket (unix(7), SCM_RIGHTS); whichever process has the
 * socket.
 */
#pragma once

#include <sys/socket.h>

union passed_fd {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int))];
};

/* For sendmsg(2); `room` as long as the message. */
void passed_fd_put(struct msghdr *message, union passed_fd *room, int fd);

/* Of what recvmsg(2) has filled in: the descriptor, now the caller's, or -1. */
int passed_fd_take(struct msghdr *message);
