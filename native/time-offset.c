#include "time-offset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "namespace.h"
#include "protocol.h"

#define OFFSETS "timens_offsets"

int time_offset_open(const struct plan *plan, int *self, struct failure *failure)
{
    *self = -1;
    if (plan_setting(plan, TSMAN_SET_TIME_OFFSET) == NULL)
        return 0;
    *self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *self < 0 ? fail(failure, errno, "open", "/proc/self") : 0;
}

int time_offset_unshare(const struct plan *plan, int *self, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    if (namespace_unshare(CLONE_NEWTIME, failure) < 0)
        return -1;
    if (*self < 0)
        return 0;
    cleanup_close int fd = openat(*self, OFFSETS, O_WRONLY | O_CLOEXEC);
    drop_fd(self);
    if (fd < 0)
        return fail(failure, errno, "open", OFFSETS);
    while ((record = plan_next(plan, TSMAN_SET_TIME_OFFSET, &position)) != NULL) {
        char line[96];
        int length = snprintf(line, sizeof(line), "%s %s %s\n", record->argv[0], record->argv[1],
                              record->argv[2]);
        if (length < 0 || (size_t)length >= sizeof(line))
            return fail(failure, EINVAL, "set time offset", "%.60s", record->argv[0]);
        if (write(fd, line, (size_t)length) != length) {
            int error = errno;
            if (error == ERANGE)
                failure_detail(failure, "the clock would be negative or beyond its end");
            return fail(failure, error, "set time offset", "%s %s.%s", record->argv[0],
                        record->argv[1], record->argv[2]);
        }
    }
    return 0;
}
