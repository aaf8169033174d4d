#include "passed-fd.h"

#include <string.h>
#include <unistd.h>

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
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    for (; header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int passed;
            memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof(passed));
            /* There is room for two where there is for one (cmsg(3)), and nobody sends so many. */
            if (count == 1 && fd < 0)
                fd = passed;
            else
                close(passed);
        }
    }
    return fd;
}
