/*
 * hoard once|stay: opens descriptors until there are no more, and says how many there are.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"

int main(int argc, char **argv)
{
    int last = 2, next;
    while ((next = open("/dev/null", O_RDONLY)) >= 0)
        last = next;
    printf("%d\n", last + 1);
    fflush(stdout);
    while (argc > 1 && strcmp(argv[1], "stay") == 0 && !is_over())
        sleep(1);
    return 0;
}
