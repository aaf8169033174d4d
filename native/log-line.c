#include "log-line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void log_read_begin(struct log_read *read, const struct log *log, const char *stream)
{
    struct timespec now;
    struct tm parts;
    char time[48];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    snprintf(time, sizeof(time), "%04d-%02d-%02dT%02d:%02d:%02d.%09ld", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
             now.tv_nsec);
    if (log->format == LOG_K8S_FILE) {
        int length = snprintf(read->whole, LOG_HEAD, "%s+00:00 %s F ", time, stream);
        read->head = length < LOG_HEAD ? (size_t)length : LOG_HEAD - 1;
        memcpy(read->part, read->whole, read->head);
        read->part[read->head - 2] = 'P';
        return;
    }
    size_t used = (size_t)snprintf(read->tail, LOG_HEAD, "\",\"stream\":\"%s\"", stream);
    if (log->tag[0] != '\0') {
        static const char attributes[] = ",\"attrs\":{\"tag\":\"";
        memcpy(read->tail + used, attributes, sizeof(attributes) - 1);
        used += sizeof(attributes) - 1;
        used += log_json_write((uint8_t *)read->tail + used, (const uint8_t *)log->tag,
                               strlen(log->tag));
        memcpy(read->tail + used, "\"}", 2);
        used += 2;
    }
    used += (size_t)snprintf(read->tail + used, sizeof(read->tail) - used, ",\"time\":\"%sZ\"}\n",
                             time);
    read->tail_length = used;
}

size_t log_character_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

/* How many of these bytes are the beginning of one character, all that there are or
   all that it has: Unicode's table 3-7, which leaves out surrogates, what is beyond
   U+10FFFF, and longer spellings than needed. */
static size_t character_bytes(const uint8_t *text, size_t size)
{
    size_t want = log_character_size(text[0]), have = 1;
    if (want == 0)
        return 0;
    uint8_t low = 0x80, high = 0xbf;
    if (text[0] == 0xe0)
        low = 0xa0;
    else if (text[0] == 0xed)
        high = 0x9f;
    else if (text[0] == 0xf0)
        low = 0x90;
    else if (text[0] == 0xf4)
        high = 0x8f;
    while (have < want && have < size && text[have] >= low && text[have] <= high) {
        have++;
        low = 0x80;
        high = 0xbf;
    }
    return have;
}

size_t log_unfinished(const uint8_t *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const uint8_t *from = text + size - back;
        if ((*from & 0xc0) == 0x80)
            continue;
        return character_bytes(from, back) == back && log_character_size(*from) > back ? back : 0;
    }
    return 0;
}

size_t log_json_write(uint8_t *to, const uint8_t *text, size_t size)
{
    static const uint8_t digits[] = "0123456789abcdef";
    static const uint8_t replacement[] = {'\\', 'u', 'f', 'f', 'f', 'd'};
    static const uint8_t letters[128] = {
        ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    uint8_t *begin = to;
    for (size_t i = 0; i < size;) {
        uint8_t byte = text[i];
        if (byte >= 0x80) {
            size_t bytes = character_bytes(text + i, size - i);
            if (bytes > 0 && bytes == log_character_size(byte)) {
                memcpy(to, text + i, bytes);
                to += bytes;
            } else {
                memcpy(to, replacement, sizeof(replacement));
                to += sizeof(replacement);
            }
            i += bytes > 0 ? bytes : 1;
            continue;
        }
        i++;
        if (letters[byte] != 0) {
            *to++ = '\\';
            *to++ = letters[byte];
        } else if (byte < 0x20) {
            memcpy(to, "\\u00", 4);
            to[4] = digits[byte >> 4];
            to[5] = digits[byte & 15];
            to += 6;
        } else {
            *to++ = byte;
        }
    }
    return (size_t)(to - begin);
}
