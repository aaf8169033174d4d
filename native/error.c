#include "error.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

int fail(struct failure *failure, int errnum, const char *operation, const char *object, ...)
{
    if (failure->set)
        return -1;
    failure->set = 1;
    failure->errnum = errnum;
    snprintf(failure->operation, sizeof(failure->operation), "%s", operation);
    va_list arguments;
    va_start(arguments, object);
    vsnprintf(failure->object, sizeof(failure->object), object, arguments);
    va_end(arguments);
    return -1;
}

void failure_detail(struct failure *failure, const char *text, ...)
{
    size_t used = strnlen(failure->detail, sizeof(failure->detail) - 1);
    if (used > 0 && used + 1 < sizeof(failure->detail))
        failure->detail[used++] = '\n';
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(failure->detail + used, sizeof(failure->detail) - used, text, arguments);
    va_end(arguments);
    used = strlen(failure->detail);
    while (used > 0 && failure->detail[used - 1] == '\n')
        failure->detail[--used] = '\0';
}

void failure_detail_file(struct failure *failure, const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char value[128];
    ssize_t length = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);
    if (length < 0)
        return;
    value[length] = '\0';
    failure_detail(failure, "%s = %s", path, value);
}

void failure_stage(struct failure *failure, const char *stage)
{
    if (failure->stage[0] == '\0')
        snprintf(failure->stage, sizeof(failure->stage), "%s", stage);
}
