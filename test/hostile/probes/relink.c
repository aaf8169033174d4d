/*
 * relink DIRECTORY TARGET: puts a symbolic link to TARGET in place of each
 * regular file that appears there, until the test is over.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "deadline.h"

int main(int argc, char **argv) {
  char link[32];
  unsigned number = 0;
  if (argc != 3 || chdir(argv[1]) < 0)
    return 2;
  puts("relinking");
  fflush(stdout);
  while (!is_over()) {
    DIR *directory = opendir(".");
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
      if (entry->d_type != DT_REG)
        continue;
      snprintf(link, sizeof(link), ".link-%u", number++);
      if (symlink(argv[2], link) == 0 && rename(link, entry->d_name) < 0)
        unlink(link);
    }
    if (directory != NULL)
      closedir(directory);
  }
  return 0;
}
