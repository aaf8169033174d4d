#include "descriptors.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel.h"

static int compare(const void *left, const void *right)
{
    const int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static int close_span(int first, int last)
{
    return first > last ? 0 : kernel_close_range((unsigned)first, (unsigned)last, 0);
}

static void close_one_by_one(int first, const int *kept, size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
        limit.rlim_cur = 65536;
    for (int fd = first; fd < (int)limit.rlim_cur; fd++) {
        if (bsearch(&fd, kept, count, sizeof(int), compare) == NULL)
            close(fd);
    }
}

int descriptors_close_others(int first, int *kept, size_t count)
{
    int from = first, result = 0;
    qsort(kept, count, sizeof(int), compare);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (kept[i] < from)
            continue;
        result = close_span(from, kept[i] - 1);
        from = kept[i] + 1;
    }
    if (result == 0)
        result = close_span(from, INT_MAX);
    if (result == 0 || errno != ENOSYS)
        return result;
    close_one_by_one(first, kept, count);
    return 0;
}
