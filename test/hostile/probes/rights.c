/*
 * rights MASK: looks for these capabilities (hexadecimal, as in capability.h) in each
 * new process of tsman's; makes /met when one has CAP_SETUID, and /found when it has one of them.
 * Until the test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "newcomers.h"

/* Zero of what tsman has executed, which has its own. */
static unsigned long long rights_of(int pid) {
  char name[64], text[4096];
  snprintf(name, sizeof(name), "/proc/%d/status", pid);
  int file = open(name, O_RDONLY);
  ssize_t got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
  if (file >= 0)
    close(file);
  text[got < 0 ? 0 : got] = '\0';
  const char *line = strncmp(text, "Name:\ttsman-", 12) == 0 ? strstr(text, "CapPrm:") : NULL;
  return line ? strtoull(line + 7, NULL, 16) : 0;
}

static void look(int pid, const char *mask) {
  unsigned long long has = rights_of(pid);
  if (has & (1 << 7))
    close(creat("/met", 0600));
  /* Of two looks: between a name and its rights there may be an execve. */
  if ((has & strtoull(mask, NULL, 16)) && (rights_of(pid) & strtoull(mask, NULL, 16)))
    close(creat("/found", 0600));
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  watch_newcomers(look, argv[1]);
  return 0;
}
