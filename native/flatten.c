#include "flatten.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "tree.h"

static int failed(const char *operation, const char *path)
{
    int error = errno;
    fprintf(stderr, "tsman-native: flatten: %s %s: %s (errno %d)\n", operation, path,
            strerror(error), error);
    return 1;
}

int flatten_main(char **paths)
{
    const char *to = *paths;
    cleanup_close int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return failed("open", to);
    while (*++paths != NULL) {
        struct stat status;
        cleanup_close int layer = open(*paths, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layer < 0 || fstat(layer, &status) < 0)
            return failed("open", *paths);
        if (tree_merge(layer, target) < 0)
            return failed("copy", *paths);
        /* The topmost layer's own directory is what the root looks like. */
        if (fchown(target, status.st_uid, status.st_gid) < 0 ||
            fchmod(target, status.st_mode & 07777) < 0)
            return failed("change", to);
    }
    return 0;
}
