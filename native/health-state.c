/*
 * The state file: lines, and the output of a check in as many bytes as its line says.
 *
 *     status healthy
 *     streak 0
 *     startup passed                      (pending; missing without a startup check)
 *     checks 12
 *     result START END CODE LENGTH        (nanoseconds since 1970; the oldest first)
 *     LENGTH bytes, a newline
 */
#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define HEAD 128u /* bytes of a result's line */

const char *health_status_name(enum health_status status)
{
    static const char *const names[] = {"starting", "healthy", "unhealthy"};
    return names[status];
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int health_write_state(const char *path, const struct health_state *state)
{
    static char text[512 + HEALTH_RESULTS * (HEAD + HEALTH_OUTPUT + 1)];
    char temporary[1040];
    size_t used = (size_t)snprintf(text, 512, "status %s\nstreak %u\n%schecks %llu\n",
                                   health_status_name(state->status), (unsigned)state->streak,
                                   !state->has_startup     ? ""
                                   : state->startup_passed ? "startup passed\n"
                                                           : "startup pending\n",
                                   (unsigned long long)state->checks);
    for (size_t i = 0; i < state->count; i++) {
        const struct health_result *result = &state->results[i];
        used += (size_t)snprintf(text + used, HEAD, "result %lld %lld %d %zu\n",
                                 (long long)result->start, (long long)result->end, result->code,
                                 result->length);
        memcpy(text + used, result->output, result->length);
        used += result->length;
        text[used++] = '\n';
    }
    snprintf(temporary, sizeof(temporary), "%s~", path);
    unlink(temporary);
    cleanup_close int fd =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write_all(fd, text, used) < 0 || rename(temporary, path) < 0)
        return -1;
    return 0;
}
