/*
 * When a busy program has to end by itself.  A test that is interrupted ends nothing; no test takes
 * longer than two minutes (vitest.config.ts).
 */
#pragma once

#include <stdbool.h>
#include <time.h>

/* Not alarm(2): the first process of a pid namespace ignores what it does not handle. */
static bool is_over(void)
{
    static time_t end;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (end == 0)
        end = now.tv_sec + 180;
    return now.tv_sec > end;
}
