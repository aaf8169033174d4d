/*
 * answer SOCKET: listens there for filters (seccomp_unotify(2)) and answers mkdir(2) and mkdirat(2)
 * with EXDEV, for which no kernel is known.  Prints "listening", and for each filter what came
 * with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"

/* Filters, in all. */
#define MOST 256

static int take_filter(int client)
{
    char text[8192], space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {text, sizeof(text) - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
    ssize_t length = recvmsg(client, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int filter = -1;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(&filter, CMSG_DATA(header), sizeof(filter));
    text[length > 0 ? length : 0] = '\0';
    printf("%s\n", text);
    fflush(stdout);
    return filter;
}

static void answer(int filter)
{
    struct seccomp_notif asked;
    memset(&asked, 0, sizeof(asked));
    if (ioctl(filter, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return;
    struct seccomp_notif_resp response = {.id = asked.id, .error = -EXDEV};
    ioctl(filter, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct pollfd fds[MOST];
    nfds_t count = 1;
    if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
        return 2;
    strcpy(address.sun_path, argv[1]);
    fds[0] = (struct pollfd){.fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN};
    if (bind(fds[0].fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fds[0].fd, 8) < 0)
        return 1;
    puts("listening");
    fflush(stdout);
    while (!is_over()) {
        poll(fds, count, 1000);
        for (nfds_t i = 1; i < count; i++) {
            if (fds[i].revents & POLLIN)
                answer(fds[i].fd);
            if (fds[i].revents & POLLHUP)
                fds[i].fd = -1; /* nobody has the filter any more */
        }
        if (count < MOST && fds[0].revents & POLLIN) {
            int client = accept(fds[0].fd, NULL, NULL);
            fds[count] = (struct pollfd){.fd = take_filter(client), .events = POLLIN};
            if (fds[count].fd >= 0)
                count++;
            close(client);
        }
    }
    return 0;
}
