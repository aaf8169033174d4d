#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log-journal.h"
#include "log-line.h"
#include "memory.h"

/* Lines are gathered here and written together: a program that writes short ones
   would cost a system call for each.  Room for the longest line as JSON. */
#define BATCH ((6u * LOG_MAX_LINE) + (32u << 10))
/* Less is touched where less does. */
#define K8S_BATCH (64u << 10)
static uint8_t batch[BATCH];

void log_init(struct log *log)
{
    memset(log, 0, sizeof(*log));
    log->fd = log->directory = log->journal = -1;
}

bool log_is_open(const struct log *log)
{
    return log->directory >= 0 || log->to_journal;
}

static int open_current(struct log *log)
{
    struct stat status;
    log->fd = openat(log->directory, log->name,
                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (log->fd < 0 || fstat(log->fd, &status) < 0)
        return -1;
    if (!S_ISREG(status.st_mode)) {
        drop_fd(&log->fd);
        errno = EINVAL;
        return -1;
    }
    log->size = (uint64_t)status.st_size;
    return 0;
}

int log_open(struct log *log, const char *path, uint64_t limit, unsigned old_files)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    log_init(log);
    log->limit = limit;
    log->old_files = old_files;
    if (strlen(name) >= sizeof(log->name) - 12 || strlen(path) >= sizeof(directory)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(log->name, name, strlen(name) + 1);
    snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    log->directory = open(directory[0] ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (log->directory < 0)
        return -1;
    return open_current(log);
}

int log_set_format(struct log *log, const char *name, const char *tag)
{
    if (strcmp(name, "json-file") == 0) {
        log->format = LOG_JSON_FILE;
    } else if (strcmp(name, "k8s-file") != 0) {
        errno = EINVAL;
        return -1;
    }
    if (strlen(tag) >= sizeof(log->tag)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(log->tag, tag, strlen(tag) + 1);
    return 0;
}

int log_open_journal(struct log *log, const char *path, char *const fields[], size_t count)
{
    log_init(log);
    log->journal = log_journal_open(path, fields, count);
    log->to_journal = log->journal >= 0;
    return log->to_journal ? 0 : -1;
}

static int rotate(struct log *log)
{
    char from[300], to[300];
    drop_fd(&log->fd);
    for (unsigned i = log->old_files; i > 0; i--) {
        snprintf(to, sizeof(to), "%s.%u", log->name, i);
        if (i > 1)
            snprintf(from, sizeof(from), "%s.%u", log->name, i - 1);
        else
            snprintf(from, sizeof(from), "%s", log->name);
        if (renameat(log->directory, from, log->directory, to) < 0 && errno != ENOENT)
            return -1;
    }
    if (log->old_files == 0 && unlinkat(log->directory, log->name, 0) < 0 && errno != ENOENT)
        return -1;
    return open_current(log);
}

/* Somebody may have emptied the file (`: >ctr.log`) since it was looked at last. */
static bool look_at_size(struct log *log)
{
    struct stat status;
    if (fstat(log->fd, &status) < 0)
        return false;
    log->size = (uint64_t)status.st_size;
    return true;
}

/* Takes the beginning of a line back that found no room for its end.  Not a whole line: whoever
   follows the log may have read it. */
static void take_back(struct log *log, const uint8_t *data, size_t written)
{
    int error = errno;
    const uint8_t *end = written > 0 ? memrchr(data, '\n', written) : NULL;
    uint64_t torn = end ? (uint64_t)(data + written - end - 1) : written;
    if (torn > 0 && look_at_size(log) && log->size >= torn &&
        ftruncate(log->fd, (off_t)(log->size - torn)) == 0)
        log->size -= torn;
    errno = error;
}

/* Whole lines. */
static int write_all(struct log *log, const uint8_t *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(log->fd, data + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            take_back(log, data, done);
            return -1;
        }
        log->size += (uint64_t)written;
        done += (size_t)written;
    }
    return 0;
}

/* A stretch of a line: what an earlier read has held back, then text of this one. */
struct text {
    const uint8_t *held, *data;
    size_t held_length, length;
    bool has_end; /* the last byte is the newline */
};

/* At most: what it takes is known when it is written. */
static size_t line_room(const struct log *log, const struct log_read *read, const struct text *text)
{
    if (log->format == LOG_K8S_FILE)
        return read->head + text->length + 1;
    return sizeof("{\"log\":\"") - 1 + LOG_JSON_FACTOR * (text->held_length + text->length) +
           read->tail_length;
}

static size_t append(size_t used, const void *bytes, size_t length)
{
    memcpy(batch + used, bytes, length);
    return used + length;
}

static size_t append_line(size_t used, const struct log *log, const struct log_read *read,
                          const struct text *text)
{
    if (log->format == LOG_K8S_FILE) {
        used = append(used, text->has_end ? read->whole : read->part, read->head);
        used = append(used, text->data, text->length);
        return text->has_end ? used : append(used, "\n", 1);
    }
    used = append(used, "{\"log\":\"", sizeof("{\"log\":\"") - 1);
    used += log_json_write(batch + used, text->held, text->held_length);
    used += log_json_write(batch + used, text->data, text->length);
    return append(used, read->tail, read->tail_length);
}

/* Cuts the next line, or the next part of it, off the data. */
static struct text next_text(const uint8_t **data, size_t *size)
{
    size_t most = *size < LOG_MAX_LINE ? *size : LOG_MAX_LINE;
    const uint8_t *end = memchr(*data, '\n', most);
    struct text text = {
        .data = *data, .length = end ? (size_t)(end - *data) + 1 : most, .has_end = end != NULL};
    *data += text.length;
    *size -= text.length;
    return text;
}

/* A part ends between two characters. */
static void keep_characters(struct text *text, const uint8_t **data, size_t *size)
{
    size_t cut = text->has_end ? 0 : log_unfinished(text->data, text->length);
    if (cut < text->length) {
        text->length -= cut;
        *data -= cut;
        *size += cut;
    }
}

/* The beginning of a character at the end of a read waits for its rest. */
static void hold_character(struct log *log, int stream, const uint8_t *data, size_t *size)
{
    size_t cut = log_unfinished(data, *size);
    memcpy(log->held[stream].bytes, data + *size - cut, cut);
    log->held[stream].length = cut;
    *size -= cut;
}

/* Completes a character that an earlier read began; false: all data went into it. */
static bool complete_character(struct log *log, int stream, const uint8_t **data, size_t *size)
{
    uint8_t *bytes = log->held[stream].bytes;
    size_t want = log_character_size(bytes[0]);
    while (log->held[stream].length<want && * size> 0 && (**data & 0xc0) == 0x80) {
        bytes[log->held[stream].length++] = *(*data)++;
        (*size)--;
    }
    return *size > 0 || log->held[stream].length == want;
}

/* Whether what is gathered up to `end` does not fit any more, and there is something without it. */
static bool is_full(const struct log *log, size_t used, size_t end)
{
    return log->limit > 0 && log->size + used > 0 && log->size + end > log->limit;
}

static int write_lines(struct log *log, const struct log_read *read, int stream,
                       const uint8_t *data, size_t size)
{
    bool is_json = log->format == LOG_JSON_FILE;
    size_t used = 0, room = is_json ? sizeof(batch) : K8S_BATCH;
    uint8_t held[4];
    size_t held_length = 0;
    if (is_json && log->held[stream].length > 0) {
        if (!complete_character(log, stream, &data, &size))
            return 0;
        held_length = log->held[stream].length;
        memcpy(held, log->held[stream].bytes, held_length);
        log->held[stream].length = 0;
    }
    if (is_json && size > 0)
        hold_character(log, stream, data, &size);
    while (size > 0 || held_length > 0) {
        struct text text = next_text(&data, &size);
        if (is_json)
            keep_characters(&text, &data, &size);
        text.held = held;
        text.held_length = held_length;
        held_length = 0;
        if (used + line_room(log, read, &text) > room) {
            if (write_all(log, batch, used) < 0)
                return -1;
            used = 0;
        }
        size_t end = append_line(used, log, read, &text);
        if (is_full(log, used, end) && look_at_size(log) && is_full(log, used, end)) {
            if (write_all(log, batch, used) < 0 || rotate(log) < 0)
                return -1;
            memmove(batch, batch + used, end - used);
            end -= used;
        }
        used = end;
    }
    return write_all(log, batch, used);
}

static int send_lines(struct log *log, bool is_error, const uint8_t *data, size_t size)
{
    int result = 0, error = 0;
    while (size > 0) {
        struct text text = next_text(&data, &size);
        if (log_journal_send(&log->journal, is_error, !text.has_end, text.data,
                             text.length - text.has_end) < 0) {
            result = -1;
            error = errno;
            /* Not one after the other: each would wait. */
            if (error == EAGAIN)
                break;
        }
    }
    errno = error;
    return result;
}

static int write_file(struct log *log, const char *stream, bool is_error, const uint8_t *data,
                      size_t size)
{
    struct log_read read;
    /* A rotation has found no room for another file. */
    if (log->fd < 0 && open_current(log) < 0)
        return -1;
    log_read_begin(&read, log, stream);
    return write_lines(log, &read, is_error, data, size);
}

int log_write(struct log *log, const char *stream, const uint8_t *data, size_t size)
{
    bool is_error = strcmp(stream, "stderr") == 0;
    bool *torn = &log->torn[is_error];
    if (!log_is_open(log) || size == 0)
        return 0;
    if (log->to_journal)
        return send_lines(log, is_error, data, size);
    const uint8_t *end = *torn ? memchr(data, '\n', size) : NULL;
    if (*torn && (end == NULL || end + 1 == data + size)) {
        *torn = end == NULL;
        return 0;
    }
    if (end != NULL) {
        size -= (size_t)(end + 1 - data);
        data = end + 1;
    }
    *torn = false;
    int result = write_file(log, stream, is_error, data, size);
    if (result < 0) {
        *torn = data[size - 1] != '\n';
        /* Of what is lost. */
        log->held[is_error].length = 0;
    }
    return result;
}

/* What was waiting for the rest of its character has waited in vain. */
static void write_held(struct log *log, int stream)
{
    size_t length = log->held[stream].length;
    struct log_read read;
    if (length == 0 || log->fd < 0)
        return;
    log_read_begin(&read, log, stream ? "stderr" : "stdout");
    struct text text = {.held = log->held[stream].bytes, .held_length = length};
    text.data = text.held;
    size_t used = append_line(0, log, &read, &text);
    (void)write_all(log, batch, used);
}

void log_close(struct log *log)
{
    write_held(log, 0);
    write_held(log, 1);
    drop_fd(&log->fd);
    drop_fd(&log->directory);
    drop_fd(&log->journal);
    log->to_journal = false;
}
