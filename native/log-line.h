/* How one line of a log looks; see log.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

#define LOG_HEAD        64
#define LOG_JSON_FACTOR 6u

/* What all lines of a read have in common: one look at the clock for all. */
struct log_read {
    char whole[LOG_HEAD], part[LOG_HEAD]; /* k8s-file: what stands before the text */
    size_t head;
    char tail[LOG_HEAD + LOG_JSON_FACTOR * LOG_MAX_TAG + 64]; /* json-file: what stands behind it */
    size_t tail_length;
};

void log_read_begin(struct log_read *read, const struct log *log, const char *stream);

/* Writes text as JSON holds it between quotation marks; `to` has room for LOG_JSON_FACTOR
   bytes for each of its.  What is no UTF-8 becomes U+FFFD.  Returns the bytes written. */
size_t log_json_write(uint8_t *to, const uint8_t *text, size_t size);

/* Bytes at the end of the text that begin a character of UTF-8 without ending it. */
size_t log_unfinished(const uint8_t *text, size_t size);
/* Bytes that a character has whose first byte this is; 0: none begins so. */
size_t log_character_size(uint8_t first);
