#include "treesize.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* One descriptor and one stack frame a level: a tree that is deeper was made to harm. */
#define MAX_DEPTH 4096
/* Names of files with several names that are remembered. */
#define FIRST_SEEN 64

/* Inode numbers of files with more than one name, open addressing; 0 is free. */
struct seen {
    uint64_t *inodes;
    size_t count, room;
};

struct walk {
    dev_t device;
    struct treesize size;
    struct seen seen;
    const char *operation;
};

static bool seen_insert(struct seen *seen, uint64_t inode)
{
    size_t at = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (seen->room - 1);
    while (seen->inodes[at] != 0) {
        if (seen->inodes[at] == inode)
            return false;
        at = (at + 1) & (seen->room - 1);
    }
    seen->inodes[at] = inode;
    return true;
}

static int seen_grow(struct seen *seen)
{
    struct seen larger = {.room = seen->room ? seen->room * 2 : FIRST_SEEN, .count = seen->count};
    larger.inodes = calloc(larger.room, sizeof(*larger.inodes));
    if (larger.inodes == NULL)
        return -1;
    for (size_t i = 0; i < seen->room; i++) {
        if (seen->inodes[i] != 0)
            seen_insert(&larger, seen->inodes[i]);
    }
    free(seen->inodes);
    *seen = larger;
    return 0;
}

/* 1 the first time, 0 later, -1 without memory. */
static int seen_first(struct seen *seen, uint64_t inode)
{
    if (seen->count * 2 >= seen->room && seen_grow(seen) < 0)
        return -1;
    if (!seen_insert(seen, inode))
        return 0;
    seen->count++;
    return 1;
}

static int complain(struct walk *walk, const char *operation)
{
    walk->operation = operation;
    return -1;
}

/* What it takes on the disk: st_blocks counts 512 bytes each (stat(2)). */
static void add_blocks(struct walk *walk, const struct stat *status)
{
    walk->size.used += status->st_blocks > 0 ? (uint64_t)status->st_blocks * 512 : 0;
}

static int add_file(struct walk *walk, const struct stat *status)
{
    if (status->st_nlink > 1) {
        int first = seen_first(&walk->seen, status->st_ino);
        if (first <= 0)
            return first < 0 ? complain(walk, "remember") : 0;
    }
    /* Sparse files cost nothing: what they claim may be more than fits. */
    uint64_t size = status->st_size > 0 ? (uint64_t)status->st_size : 0;
    uint64_t sum = walk->size.bytes;
    walk->size.bytes = size > UINT64_MAX - sum ? UINT64_MAX : sum + size;
    add_blocks(walk, status);
    return 0;
}

static int add_directory(struct walk *walk, int fd, int depth);

static int add_entry(struct walk *walk, int parent, const char *name, int depth)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        /* Its container runs, and removes files. */
        return errno == ENOENT ? 0 : complain(walk, "stat");
    if (status.st_dev != walk->device)
        return 0;
    if (!S_ISDIR(status.st_mode))
        return add_file(walk, &status);
    add_blocks(walk, &status);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : complain(walk, "open");
    return add_directory(walk, fd, depth + 1);
}

/* Closes `fd`. */
static int add_directory(struct walk *walk, int fd, int depth)
{
    if (depth > MAX_DEPTH) {
        close(fd);
        errno = ELOOP;
        return complain(walk, "enter");
    }
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return complain(walk, "read");
    }
    const struct dirent *entry;
    int result = 0;
    errno = 0;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = add_entry(walk, dirfd(directory), entry->d_name, depth);
        if (result == 0)
            errno = 0;
    }
    int error = errno;
    if (result == 0 && error != 0)
        result = complain(walk, "read");
    closedir(directory);
    errno = error;
    return result;
}

int treesize_of(const char *path, struct treesize *size)
{
    struct walk walk = {.operation = "open"};
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd >= 0 && fstat(fd, &status) == 0 ? 0 : -1;
    if (result == 0) {
        walk.device = status.st_dev;
        add_blocks(&walk, &status);
        result = add_directory(&walk, fd, 0);
    } else if (fd >= 0) {
        close(fd);
    }
    if (result < 0)
        fprintf(stderr, "tsman-native: treesize: %s in %s: %s (errno %d)\n", walk.operation, path,
                strerror(errno), errno);
    free(walk.seen.inodes);
    *size = walk.size;
    return result;
}

int treesize_main(char **paths)
{
    /* One descriptor a level. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int status = 0;
    for (; *paths != NULL; paths++) {
        struct treesize size;
        if (treesize_of(*paths, &size) == 0) {
            printf("%" PRIu64 " %" PRIu64 "\n", size.bytes, size.used);
        } else {
            puts("-");
            status = 1;
        }
    }
    return status;
}
