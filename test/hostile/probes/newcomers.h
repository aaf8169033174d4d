/*
 * Every new process of the own pid namespace, as early as a busy program can see it.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "deadline.h"

/*
 * Makes /looking; from the time when there is a /go, calls `meet` again and again with the few
 * numbers that the next processes will have.  Until the test is over.
 */
static void watch_newcomers(void (*meet)(int pid, const char *argument), const char *argument)
{
    close(creat("/looking", 0600));
    while (access("/go", F_OK) < 0 && !is_over())
        ;
    for (int last = getpid(); !is_over();) {
        char name[64];
        for (int pid = last + 1; pid < last + 8; pid++)
            meet(pid, argument);
        snprintf(name, sizeof(name), "/proc/%d", last + 3);
        if (access(name, F_OK) == 0)
            last++;
    }
}
