/* The filter for the detach keys. */
#include "../detach-keys.h"

#include "test.h"

static struct detach_keys detach;

/* Feeds `input` in pieces of `piece` bytes; what came through, and "!" for a match. */
static const char *typed(const char *keys, const char *input, size_t piece)
{
    static char text[256];
    size_t used = 0, left = strlen(input);
    detach_keys_set(&detach, keys, strlen(keys));
    while (left > 0) {
        uint8_t output[64 + DETACH_KEYS_MAX];
        size_t length, size = left < piece ? left : piece;
        bool done = detach_keys_filter(&detach, (const uint8_t *)input, size, output, &length);
        memcpy(text + used, output, length);
        used += length;
        if (done) {
            text[used++] = '!';
            break;
        }
        input += size;
        left -= size;
    }
    text[used] = '\0';
    return text;
}

TEST(keys, "typing the keys ends the connection, in whatever pieces they come")
{
    for (size_t piece = 1; piece < 8; piece++) {
        CHECK_STRING(typed("\x10\x11", "ab\x10\x11", piece), "ab!");
        CHECK_STRING(typed("\x10\x11",
                           "a\x10"
                           "b\x11",
                           piece),
                     "a\x10"
                     "b\x11");
        CHECK_STRING(typed("\x10\x11", "\x10\x10\x11z", piece), "\x10!");
        CHECK_STRING(typed("aab", "aaab", piece), "a!");
        CHECK_STRING(typed("abab", "abaabab", piece), "aba!");
        CHECK_STRING(typed("abac", "ababac", piece), "ab!");
        CHECK_STRING(typed("", "abc", piece), "abc");
        CHECK_STRING(typed("q", "abq", piece), "ab!");
    }
}

TEST(held_back, "a beginning of the keys is held back until it is decided")
{
    CHECK_STRING(typed("abc", "xab", 3), "x");
    CHECK_STRING(typed("abc", "xabd", 4), "xabd");
}

TEST(too_many_keys, "more keys than there is room for are cut")
{
    char keys[100];
    memset(keys, 'k', 99);
    keys[99] = '\0';
    detach_keys_set(&detach, keys, 99);
    CHECK(detach.count == DETACH_KEYS_MAX);
}
