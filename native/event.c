#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "protocol.h"

int events_read(struct events *events, const struct plan *plan, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    *events = (struct events){.count = 0};
    while ((record = plan_next(plan, TSMAN_SET_EVENT, &position)) != NULL) {
        if (events->count == EVENT_KINDS)
            return fail(failure, E2BIG, "read settings", "more than %u events", EVENT_KINDS);
        struct event *event = &events->list[events->count++];
        event->status = strdup(record->argv[0]);
        event->path = strdup(record->argv[1]);
        event->line = strdup(record->argv[2]);
        if (event->status == NULL || event->path == NULL || event->line == NULL)
            return fail(failure, ENOMEM, "read settings", "event");
    }
    return 0;
}

/* `line` with the two placeholders filled in, allocated; NULL without memory. */
static char *fill_in(const char *line, const char *outcome)
{
    static const char time_mark[] = "{time}", status_mark[] = "{status}";
    char moment[40];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(moment, sizeof(moment), "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);

    const char *time_at = strstr(line, time_mark);
    const char *head_end = time_at ? time_at : line;
    const char *middle = time_at ? time_at + strlen(time_mark) : line;
    const char *status_at = strstr(middle, status_mark);
    const char *tail = status_at ? status_at + strlen(status_mark) : "";
    int middle_size = (int)(status_at ? status_at - middle : (ptrdiff_t)strlen(middle));
    char *text = NULL;
    if (asprintf(&text, "%.*s%s%.*s%s%s", (int)(head_end - line), line, time_at ? moment : "",
                 middle_size, middle, status_at ? outcome : "", tail) < 0)
        return NULL;
    return text;
}

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void events_keep_open(struct events *events)
{
    int fd = events->count > 0 && events->kept == 0 ? open_file(events->list[0].path) : -1;
    if (fd > 0)
        events->kept = fd;
}

int event_write(const struct events *events, const char *status, const char *outcome)
{
    const struct event *event = NULL;
    for (size_t i = 0; i < events->count && event == NULL; i++) {
        if (strcmp(events->list[i].status, status) == 0)
            event = &events->list[i];
    }
    if (event == NULL)
        return 0;
    cleanup_free char *text = fill_in(event->line, outcome);
    if (text == NULL)
        return -1;
    cleanup_close int opened = open_file(event->path);
    const int fd = opened < 0 && events->kept > 0 ? events->kept : opened;
    if (fd < 0)
        return -1;
    /* One write(2) to the end of the file: lines of several writers never mix. */
    ssize_t written = write(fd, text, strlen(text));
    if (written >= 0 && (size_t)written < strlen(text))
        errno = ENOSPC;
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

void events_release(struct events *events)
{
    if (events->kept > 0)
        close(events->kept);
    for (size_t i = 0; i < events->count; i++) {
        free(events->list[i].status);
        free(events->list[i].path);
        free(events->list[i].line);
    }
    *events = (struct events){.count = 0};
}
