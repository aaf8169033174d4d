#include "passed-fd.h"

#include <string.h>

void passed_fd_put(struct msghdr *message, union passed_fd *room, int fd)
{
    memset(room, 0, sizeof(*room));
    message->msg_control = room;
    message->msg_controllen = sizeof(room->space);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

int passed_fd_take(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}
