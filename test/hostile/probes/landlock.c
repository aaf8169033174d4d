/*
 * Prints the version of Landlock that this kernel has, 0 without: landlock_create_ruleset(2).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    long version = syscall(444, NULL, 0, 1);
    printf("%ld\n", version < 0 ? 0 : version);
    return 0;
}
