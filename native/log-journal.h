/* systemd's journal as a log: its native protocol, one datagram for a line
   (systemd.io/JOURNAL_NATIVE_PROTOCOL); see log.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connected socket, or -1 and errno.  What is given is kept for reconnecting. */
int log_journal_open(const char *path, char *const fields[], size_t count);
/* One line or part.  *socket may be replaced: the journal is started anew at times.
   -1 and errno. */
int log_journal_send(int *socket, bool is_error, bool is_part, const uint8_t *text, size_t size);
