#include "placeholder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *placeholder_fill(const char *text, pid_t pid, unsigned count, size_t *length)
{
    static const char mark[] = "{pid}";
    char number[16];
    size_t digits = (size_t)snprintf(number, sizeof(number), "%d", (int)pid);
    char *filled = malloc(strlen(text) + count * digits + 1), *to = filled;
    if (filled == NULL)
        return NULL;
    const char *found;
    while (count-- > 0 && (found = strstr(text, mark)) != NULL) {
        memcpy(to, text, (size_t)(found - text));
        to += found - text;
        memcpy(to, number, digits);
        to += digits;
        text = found + sizeof(mark) - 1;
    }
    strcpy(to, text);
    *length = (size_t)(to - filled) + strlen(to);
    return filled;
}
