/*
 * Files that tell others about a running container (SET_RUN_DIR, SET_EXIT_FILE,
 * SET_PID_FILE; protocol.h).  Monitor only, with the caller's ids.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "oom.h"

struct rundir {
    int directory; /* -1: none; owned */
    int lock;      /* held for the monitor's life; owned */
    int control;   /* read end of the fifo, non-blocking; owned */
};

void rundir_init(struct rundir *rundir);

/* Takes the lock, makes the fifo, writes `monitor`. */
int rundir_open(struct rundir *rundir, const char *path, struct failure *failure);
/* Writes `init`. */
int rundir_write_init(const struct rundir *rundir, pid_t pid, uint64_t start_time,
                      struct failure *failure);
/* Init is gone; `restart` says that it is going to be started again. */
void rundir_begin_restart(const struct rundir *rundir);
/* `initialized`: everything is set up, and the program waits for whoever starts it. */
int rundir_begin_stay(const struct rundir *rundir, const char *text, struct failure *failure);
void rundir_end_stay(const struct rundir *rundir);
/* `failed`: why the program could not be executed, as a FAILED frame. */
void rundir_write_failed(const struct rundir *rundir, const struct failure *why);
/* Nobody takes commands any more; whether it is started again is being decided. */
void rundir_leave_restart(const struct rundir *rundir);
/* Removes everything but the lock, or with `all` that too. */
void rundir_clear(const struct rundir *rundir, int all);

int rundir_write_pid_file(const char *path, pid_t pid, struct failure *failure);

/* The truth about the end: a status of waitpid(2), whether it was for lack of memory,
   and whether a health check wants another life.  Complete or not there at all. */
int rundir_write_exit_file(const char *path, int status, enum oom oom, bool restart);
