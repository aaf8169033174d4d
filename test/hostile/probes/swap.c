/*
 * swap DIRECTORY A B: exchanges the two names for ever, as fast as it can.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

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
    for (;;) {
        if (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], EXCHANGE) < 0)
            return 1;
    }
}
