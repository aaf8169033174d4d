/*
 * procfd PATH: looks for a directory among the descriptors of each new process
 * from which PATH, on the host, can be read; makes /found when there is one.
 * Until the test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "newcomers.h"

static void look(int pid, const char *path) {
  for (int number = 3; number < 16; number++) {
    char name[64], outside[4096];
    snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid, number);
    int directory = open(name, O_PATH | O_DIRECTORY);
    if (directory < 0)
      continue;
    snprintf(outside, sizeof(outside), "..%s", path);
    if (faccessat(directory, outside, R_OK, 0) == 0)
      close(creat("/found", 0600));
    close(directory);
  }
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  watch_newcomers(look, argv[1]);
  return 0;
}
