/*
 * The container's log, written by the monitor only, with the caller's ids: a file
 * (mode 0600, rotated), or systemd's journal.
 *
 * k8s-file, the format of Kubernetes' CRI:
 *
 *     2024-05-01T12:34:56.123456789+00:00 stdout F a whole line
 *     2024-05-01T12:34:56.123456789+00:00 stderr P a part, without a newline
 *
 * json-file, Docker's; "attrs" only with a tag, and a part lacks the "\n":
 *
 *     {"log":"a line\n","stream":"stdout","attrs":{"tag":"x"},"time":"2024-...Z"}
 *
 * When a file would grow over its limit it is renamed to NAME.1, NAME.1 to NAME.2,
 * and so on; the oldest goes.  Nothing is kept between reads: one that ends within
 * a line is logged as a part.  (A character of UTF-8 that is cut by the end of a
 * read is the exception, since JSON cannot hold half of one.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_MAX_LINE 16384u /* longer ones are cut into parts, as containerd does */
#define LOG_MAX_TAG  512

enum log_format { LOG_K8S_FILE, LOG_JSON_FILE };

struct log {
    int fd, directory; /* -1: no file; owned */
    int journal;       /* a connected datagram socket, -1: none now; owned */
    bool to_journal;
    char name[256];
    uint64_t size, limit; /* limit 0: none */
    unsigned old_files;
    enum log_format format;
    char tag[LOG_MAX_TAG];
    struct {
        size_t length;
        uint8_t bytes[4]; /* the beginning of a character */
    } held[2];            /* stdout, stderr */
    bool torn[2];         /* the beginning of the line that goes on was lost, and so is its rest */
};

void log_init(struct log *log);

/* Appends to a file.  -1 and errno. */
int log_open(struct log *log, const char *path, uint64_t limit, unsigned old_files);
/* After log_open(): another format than k8s-file; the tag may be "". */
int log_set_format(struct log *log, const char *name, const char *tag);
/* Sends to the datagram socket at `path`, each line with these "NAME=value" fields,
   which hold no newline.  -1 and errno. */
int log_open_journal(struct log *log, const char *path, char *const fields[], size_t count);

bool log_is_open(const struct log *log);

/* `stream` is "stdout" or "stderr".  What a file or a journal does not take is lost: -1 and
   errno, and the next is tried, since a disk that was full may have room again.  Lines in a
   file are whole all the same. */
int log_write(struct log *log, const char *stream, const uint8_t *data, size_t size);

void log_close(struct log *log);
