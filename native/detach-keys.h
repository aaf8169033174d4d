/* The keys that end the connection of a terminal and leave the container running
   (ctrl-p ctrl-q).  The monitor passes what is typed through this. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DETACH_KEYS_MAX 32

struct detach_keys {
    uint8_t keys[DETACH_KEYS_MAX];
    size_t count;   /* 0: none */
    size_t matched; /* typed so far, held back */
};

void detach_keys_set(struct detach_keys *detach, const void *keys, size_t count);

/*
 * Filters `size` bytes of input into `output`, which has room for size +
 * DETACH_KEYS_MAX.  Keys that may become a match are held back until the next
 * call.  Returns true when the sequence is complete: `*length` bytes before it are
 * in `output`, what follows it is dropped.
 */
bool detach_keys_filter(struct detach_keys *detach, const uint8_t *input, size_t size,
                        uint8_t *output, size_t *length);
