/*
 * swap DIRECTORY A B: exchanges the two names as fast as it can, until the test is over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deadline.h"

#define EXCHANGE 2u

int main(int argc, char **argv)
{
    if (argc != 4 || chdir(argv[1]) < 0)
        return 2;
    if (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], EXCHANGE) < 0) {
        perror("renameat2");
        return 1;
    }
    puts("swapping");
    fflush(stdout);
    while (!is_over()) {
        if (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], EXCHANGE) < 0)
            return 1;
    }
    return 0;
}
