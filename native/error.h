/*
 * A failure: what was being done, to what, and why it did not work.
 *
 * Made in whichever process fails (monitor, stage 1, init), sent to the monitor
 * as it is (sync.h), and from there to the caller as a FAILED frame (proto.h).
 * The first failure is kept, later ones are consequences.
 */
#pragma once

#include <stdint.h>

struct failure {
    int32_t set;  /* 0 or 1 */
    int32_t step; /* index among all steps of the plan, -1: not a step */
    int32_t errnum;
    char stage[16];     /* "monitor", "map", "stage 1", "init", "network", "hook", "exec" */
    char operation[48]; /* "mount", "open", ... */
    char object[1024];
    char detail[3072];
};

/* Fills `failure` unless it is set already and returns -1, so that callers can
   write `return fail(...)`.  `object` is a printf format. */
int fail(struct failure *failure, int errnum, const char *operation, const char *object, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds a line of free text. */
void failure_detail(struct failure *failure, const char *text, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds the value of a one-line file (a sysctl) as "path = value", if readable. */
void failure_detail_file(struct failure *failure, const char *path);

/* Names the stage, unless it is named already: the inner one is right. */
void failure_stage(struct failure *failure, const char *stage);
