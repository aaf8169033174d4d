/*
 * impostor PID|net: takes the sockets of each new process and speaks with them, as
 * tsman's init does: that init is process PID, and that it has failed; or as stage 1
 * does, that it wants a network.  Makes /spoke when something was said.  Until the
 * test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "newcomers.h"

/* As sync.h has them. */
enum { NET_WANTED = 5, INIT_PID = 6, FAILED = 10 };

static void speak(int process, int number, int32_t victim) {
  int32_t named[] = {INIT_PID, victim};
  static char failure[4180];
  int32_t failed[] = {FAILED, 0};
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  int socket = syscall(SYS_pidfd_getfd, process, number, 0);
  if (socket < 0)
    return;
  if (victim == 0) {
    int32_t wanted[] = {NET_WANTED, 0};
    if (send(socket, wanted, sizeof(wanted), flags) > 0)
      close(creat("/spoke", 0600));
    close(socket);
    return;
  }
  memset(failure, 'A', sizeof(failure));
  memcpy(failure, failed, sizeof(failed));
  if (send(socket, named, sizeof(named), flags) > 0 &&
      send(socket, failure, sizeof(failure), flags) > 0)
    close(creat("/spoke", 0600));
  close(socket);
}

static void meet(int pid, const char *victim) {
  int process = syscall(SYS_pidfd_open, pid, 0);
  if (process < 0)
    return;
  for (int number = 3; number < 16; number++)
    speak(process, number, atoi(victim));
  close(process);
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  watch_newcomers(meet, argv[1]);
  return 0;
}
