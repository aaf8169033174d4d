/*
 * The container's log file, in the format of Kubernetes' CRI ("k8s-file"):
 *
 *     2024-05-01T12:34:56.123456789+00:00 stdout F a whole line
 *     2024-05-01T12:34:56.123456789+00:00 stderr P a part, without a newline
 *
 * Written by the monitor only, with the caller's ids, 0600.  When a file would
 * grow over its limit it is renamed to NAME.1, NAME.1 to NAME.2, and so on; the
 * oldest goes.  Without memory of its own: a read that ends within a line is
 * logged as a part.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_MAX_LINE 16384u /* longer ones are cut into parts, as containerd does */

struct log {
    int fd, directory; /* -1: no log; owned */
    char name[256];
    uint64_t size, limit; /* limit 0: none */
    unsigned old_files;
    bool broken; /* a write failed: nothing more is written */
};

/* -1 and errno. */
int log_open(struct log *log, const char *path, uint64_t limit, unsigned old_files);

/* `stream` is "stdout" or "stderr".  After an error the log is `broken` and
   errno says why; the container goes on. */
int log_write(struct log *log, const char *stream, const uint8_t *data, size_t size);

void log_close(struct log *log);
