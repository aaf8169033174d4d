/*
 * procfd PATH: looks for a directory among the descriptors of each new process, its
 * root and its working directory, from which PATH, on the host, can be read; makes
 * /found when there is one, and /met when there is a process.  Until the test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "newcomers.h"

static void try_from(const char *name, const char *path) {
  char outside[4096];
  int directory = open(name, O_PATH | O_DIRECTORY);
  if (directory < 0)
    return;
  /* From the root of a process as well: what is above its root leads no further. */
  snprintf(outside, sizeof(outside), "../../../../../../../..%s", path);
  if (faccessat(directory, outside, R_OK, 0) == 0 || faccessat(directory, path + 1, R_OK, 0) == 0)
    close(creat("/found", 0600));
  close(directory);
}

static void look(int pid, const char *path) {
  char name[64];
  snprintf(name, sizeof(name), "/proc/%d", pid);
  if (access(name, F_OK) < 0)
    return;
  close(creat("/met", 0600));
  snprintf(name, sizeof(name), "/proc/%d/root", pid);
  try_from(name, path);
  snprintf(name, sizeof(name), "/proc/%d/cwd", pid);
  try_from(name, path);
  for (int number = 3; number < 32; number++) {
    snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid, number);
    try_from(name, path);
  }
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  watch_newcomers(look, argv[1]);
  return 0;
}
