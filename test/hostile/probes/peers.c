/*
 * peers: of the sockets of each new process asks who is at the other end: who has made
 * a pair, who sends what comes, who connects to one that listens.  Makes /met when there
 * is a socket, and /found when there is a way to the descriptors of such a process.
 * Until the test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "newcomers.h"

/* asm-generic/socket.h, linux/socket.h of Linux 6.5 */
enum { PASS_SENDER = 76, PEER = 77, SENDER = 4 };

static void take(int process) {
  for (int number = 0; process >= 0 && number < 64; number++) {
    int taken = syscall(SYS_pidfd_getfd, process, number, 0);
    if (taken < 0)
      continue;
    close(creat("/found", 0600));
    close(taken);
  }
  if (process >= 0)
    close(process);
}

static int option(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static void take_sender(int socket) {
  char bytes[64], control[256];
  struct iovec part = {bytes, sizeof(bytes)};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, PASS_SENDER, &yes, sizeof(yes));
  if (recvmsg(socket, &message, MSG_DONTWAIT) <= 0)
    return;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
    int process;
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SENDER)
      continue;
    memcpy(&process, CMSG_DATA(item), sizeof(process));
    take(process);
  }
}

static void question(int process, int number) {
  int socket = syscall(SYS_pidfd_getfd, process, number, 0);
  if (socket < 0)
    return;
  int listens = option(socket, SO_ACCEPTCONN);
  if (listens >= 0)
    close(creat("/met", 0600));
  if (listens > 0) {
    struct pollfd waiting = {socket, POLLIN, 0};
    int connection = poll(&waiting, 1, 0) > 0 ? accept(socket, NULL, NULL) : -1;
    if (connection >= 0)
      take(option(connection, PEER));
    close(connection);
  } else if (listens == 0) {
    take(option(socket, PEER));
    take_sender(socket);
  }
  close(socket);
}

static void meet(int pid, const char *nothing) {
  int process = syscall(SYS_pidfd_open, pid, 0);
  if (process < 0)
    return;
  for (int number = 3; number < 24; number++)
    question(process, number);
  close(process);
}

int main(void) {
  watch_newcomers(meet, NULL);
  return 0;
}
