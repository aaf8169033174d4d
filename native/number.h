/* Numbers in text, strictly: digits only, no sign, no space, no prefix, no
   overflow.  strtoul(3) accepts all of those (security case S22). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `length` bytes at `text` in `base` (8, 10 or 16), at most `maximum`. */
bool number_parse_span(const char *text, size_t length, unsigned base, uint64_t maximum,
                       uint64_t *value);

/* The same for a NUL-terminated string. */
bool number_parse(const char *text, unsigned base, uint64_t maximum, uint64_t *value);
