#include "detach-keys.h"

#include <string.h>

void detach_keys_set(struct detach_keys *detach, const void *keys, size_t count)
{
    memset(detach, 0, sizeof(*detach));
    if (count > DETACH_KEYS_MAX)
        count = DETACH_KEYS_MAX;
    memcpy(detach->keys, keys, count);
    detach->count = count;
}

/* After a mismatch: the longest tail of what is held back and `next` that is again
   a beginning of the sequence; what is before that tail goes to the output. */
static size_t fall_back(struct detach_keys *detach, uint8_t next, uint8_t *output)
{
    uint8_t held[DETACH_KEYS_MAX + 1];
    size_t total = detach->matched;
    memcpy(held, detach->keys, total);
    held[total++] = next;
    for (size_t skip = 1; skip <= total; skip++) {
        if (memcmp(held + skip, detach->keys, total - skip) == 0) {
            memcpy(output, held, skip);
            detach->matched = total - skip;
            return skip;
        }
    }
    return 0;
}

bool detach_keys_filter(struct detach_keys *detach, const uint8_t *input, size_t size,
                        uint8_t *output, size_t *length)
{
    *length = 0;
    if (detach->count == 0) {
        memcpy(output, input, size);
        *length = size;
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (input[i] != detach->keys[detach->matched])
            *length += fall_back(detach, input[i], output + *length);
        else if (++detach->matched == detach->count)
            return true;
    }
    return false;
}
