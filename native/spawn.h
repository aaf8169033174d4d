/*
 * Host programs that we start: newuidmap, newgidmap, slirp4netns, fuse-overlayfs.
 * They get a scrubbed environment (PATH and, if set, XDG_RUNTIME_DIR: S95),
 * /dev/null as stdin and stdout, and a pipe as stderr.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct spawn {
    pid_t pid;      /* 0: not running */
    int errors;     /* read end of its stderr, non-blocking; the owner closes it */
    int report;     /* from here comes the errno of a failed execve */
    int exec_error; /* that errno, after spawn_wait(); else 0 */
    size_t length;  /* bytes in `text` */
    char text[1024];
};

#define SPAWN_MAX_KEEP 16

/* Starts argv[0] (an absolute path, or found on the PATH of the host) and does not
   wait for the exec.  `variable` is one more NAME=VALUE of its environment, or NULL; `keep`
   are descriptors that it inherits under their numbers.  -1 and errno. */
int spawn_start(struct spawn *spawn, char *const argv[], const char *variable, const int *keep,
                size_t keep_count);

/* Reads what stderr has now; the first kilobyte is kept, the rest is dropped. */
void spawn_drain(struct spawn *spawn);

/* Waits for its end, reading stderr; returns the status of waitpid(2). */
int spawn_wait(struct spawn *spawn);

/* After its end, when somebody else has waited for it: fills exec_error and closes
   the descriptors. */
void spawn_finish(struct spawn *spawn);

/* SIGKILL and wait, if it runs. */
void spawn_kill(struct spawn *spawn);
