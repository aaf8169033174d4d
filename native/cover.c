#include "cover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel.h"
#include "memory.h"
#include "path.h"

bool cover_add(struct cover *cover, const char *directory)
{
    if (directory[0] != '/' || cover->directory_count == COVER_MAX_DIRECTORIES)
        return false;
    cover->directories[cover->directory_count++] = directory;
    return true;
}

bool cover_expose(struct cover *cover, const char *path)
{
    if (cover->directory_count == 0 || cover->exposed_count == COVER_MAX_EXPOSED)
        return false;
    /* Anywhere else it would be made in a directory of the host. */
    const char *directory = cover->directories[cover->directory_count - 1];
    size_t length = strlen(directory);
    if (strncmp(path, directory, length) != 0 || path[length] != '/')
        return false;
    cover->exposed[cover->exposed_count].path = path;
    cover->exposed[cover->exposed_count++].fd = -1;
    return true;
}

int cover_open(struct cover *cover, struct failure *failure)
{
    for (int i = 0; i < cover->exposed_count; i++) {
        const char *path = cover->exposed[i].path;
        cover->exposed[i].fd = open(path, O_PATH | O_CLOEXEC);
        if (cover->exposed[i].fd < 0)
            return fail(failure, errno, "open", "%s", path);
    }
    return 0;
}

static int expose(int root, const char *path, int fd, struct failure *failure)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return fail(failure, errno, "examine", "%s", path);
    enum path_kind kind = S_ISDIR(status.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    cleanup_close int target = path_ensure(root, path, kind, 0755, PATH_NO_SYMLINKS);
    if (target < 0)
        return fail(failure, errno, "make", "%s", path);
    cleanup_close int tree = kernel_open_tree(fd, "", K_OPEN_TREE_CLONE | K_AT_RECURSIVE);
    if (tree < 0)
        return fail(failure, errno, "clone mount", "%s", path);
    if (kernel_move_mount(tree, target) < 0)
        return fail(failure, errno, "mount", "%s", path);
    return 0;
}

int cover_mount(struct cover *cover, struct failure *failure)
{
    if (cover->directory_count == 0)
        return 0;
    for (int i = 0; i < cover->directory_count; i++) {
        const char *directory = cover->directories[i];
        if (mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") < 0)
            return fail(failure, errno, "mount tmpfs", "%s", directory);
    }
    cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail(failure, errno, "open", "/");
    for (int i = 0; i < cover->exposed_count; i++) {
        if (expose(root, cover->exposed[i].path, cover->exposed[i].fd, failure) < 0)
            return -1;
        drop_fd(&cover->exposed[i].fd);
    }
    return 0;
}
