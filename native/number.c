#include "number.h"

#include <string.h>

bool number_parse_span(const char *text, size_t length, unsigned base, uint64_t maximum,
                       uint64_t *value)
{
    if (length == 0)
        return false;
    uint64_t result = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned digit = 99;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        if (digit >= base)
            return false;
        if (result > (UINT64_MAX - digit) / base)
            return false;
        result = result * base + digit;
        if (result > maximum)
            return false;
    }
    *value = result;
    return true;
}

bool number_parse(const char *text, unsigned base, uint64_t maximum, uint64_t *value)
{
    return number_parse_span(text, strlen(text), base, maximum, value);
}
