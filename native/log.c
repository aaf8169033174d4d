#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

/* Two pieces a line: "TIME STREAM F " and the text with its newline; a part has
   a third one, the newline that is not in the data. */
#define MAX_PIECES 192
#define MAX_HEAD   64

static int open_current(struct log *log)
{
    struct stat status;
    log->fd = openat(log->directory, log->name,
                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log->fd < 0 || fstat(log->fd, &status) < 0)
        return -1;
    log->size = (uint64_t)status.st_size;
    return 0;
}

int log_open(struct log *log, const char *path, uint64_t limit, unsigned old_files)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    *log = (struct log){.fd = -1, .directory = -1, .limit = limit, .old_files = old_files};
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

static int write_pieces(struct log *log, struct iovec *pieces, int count)
{
    int first = 0;
    while (first < count) {
        ssize_t written = writev(log->fd, pieces + first, count - first);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        log->size += (uint64_t)written;
        while (first < count && (size_t)written >= pieces[first].iov_len)
            written -= (ssize_t)pieces[first++].iov_len;
        if (first < count) {
            pieces[first].iov_base = (uint8_t *)pieces[first].iov_base + written;
            pieces[first].iov_len -= (size_t)written;
        }
    }
    return 0;
}

static size_t head_text(char *head, const char *stream, char tag)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    int length = snprintf(head, MAX_HEAD, "%04d-%02d-%02dT%02d:%02d:%02d.%09ld+00:00 %s %c ",
                          parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                          parts.tm_min, parts.tm_sec, now.tv_nsec, stream, tag);
    return length < MAX_HEAD ? (size_t)length : MAX_HEAD - 1;
}

static int broken(struct log *log)
{
    log->broken = true;
    return -1;
}

int log_write(struct log *log, const char *stream, const uint8_t *data, size_t size)
{
    static char newline[] = "\n";
    char whole[MAX_HEAD], part[MAX_HEAD];
    struct iovec pieces[MAX_PIECES];
    int count = 0;
    if (log->directory < 0 || log->broken || size == 0)
        return 0;
    size_t head = head_text(whole, stream, 'F');
    memcpy(part, whole, head);
    part[head - 2] = 'P';

    uint64_t pending = 0;
    while (size > 0) {
        size_t most = size < LOG_MAX_LINE ? size : LOG_MAX_LINE;
        const uint8_t *end = memchr(data, '\n', most);
        size_t line = end ? (size_t)(end - data) + 1 : most;
        uint64_t bytes = head + line + (end == NULL);
        bool full =
            log->limit > 0 && log->size + pending > 0 && log->size + pending + bytes > log->limit;
        if (full || count + 3 > MAX_PIECES) {
            if (write_pieces(log, pieces, count) < 0)
                return broken(log);
            count = 0;
            pending = 0;
        }
        if (full && rotate(log) < 0)
            return broken(log);
        pieces[count++] = (struct iovec){end ? whole : part, head};
        pieces[count++] = (struct iovec){(void *)(uintptr_t)data, line};
        if (end == NULL)
            pieces[count++] = (struct iovec){newline, 1};
        pending += bytes;
        data += line;
        size -= line;
    }
    return write_pieces(log, pieces, count) < 0 ? broken(log) : 0;
}

void log_close(struct log *log)
{
    drop_fd(&log->fd);
    drop_fd(&log->directory);
}
