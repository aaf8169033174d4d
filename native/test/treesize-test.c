/* Adding up the sizes of files. */
#include "../treesize.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char top[128], path[256];

static const char *below(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

static void begin(void)
{
    snprintf(top, sizeof(top), "%s", test_directory());
}

TEST(treesize_sum, "the size of a tree is that of its files, directories not counted")
{
    struct treesize size;
    begin();
    CHECK(treesize_of(top, &size) == 0 && size.bytes == 0);
    test_write(top, "one", "x", 1);
    CHECK(mkdir(below("a"), 0755) == 0 && mkdir(below("a/b"), 0755) == 0);
    test_write(top, "a/b/two", "12345", 5);
    CHECK(mkfifo(below("a/fifo"), 0600) == 0);
    CHECK(treesize_of(top, &size) == 0 && size.bytes == 6);
}

TEST(treesize_names, "a file with several names counts once")
{
    struct treesize size;
    char second[256], name[32];
    begin();
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        test_write(top, name, "1234567", 7);
        snprintf(second, sizeof(second), "%s/again%d", top, i);
        CHECK(link(below(name), second) == 0);
    }
    CHECK(treesize_of(top, &size) == 0 && size.bytes == 200 * 7);
}

TEST(treesize_links, "a link is not followed, be it the tree itself")
{
    struct treesize size;
    begin();
    CHECK(mkdir(below("tree"), 0755) == 0);
    test_write(top, "outside", "1234", 4);
    CHECK(symlink("../outside", below("tree/link")) == 0);
    CHECK(symlink("/", below("tree/root")) == 0);
    CHECK(treesize_of(below("tree"), &size) == 0 && size.bytes == strlen("../outside") + 1);
    CHECK(symlink("tree", below("alias")) == 0);
    CHECK(treesize_of(below("alias"), &size) < 0);
}

TEST(treesize_sparse, "sizes that files only claim do not wrap around")
{
    struct treesize size;
    char name[32];
    begin();
    int made = 0;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "sparse%d", i);
        int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        made += ftruncate(fd, INT64_MAX) == 0;
        close(fd);
    }
    CHECK(treesize_of(top, &size) == 0);
    /* Not every file system takes such files. */
    CHECK(made < 4 || size.bytes == UINT64_MAX);
}

TEST(treesize_used, "what is used on the disk is what du counts, directories included")
{
    struct treesize size;
    struct stat status, file;
    begin();
    CHECK(mkdir(below("d"), 0755) == 0);
    test_write(top, "d/f", "x", 1);
    CHECK(stat(below("d"), &status) == 0 && stat(below("d/f"), &file) == 0);
    CHECK(treesize_of(below("d"), &size) == 0);
    CHECK(size.used == (uint64_t)(status.st_blocks + file.st_blocks) * 512);
}

TEST(treesize_missing, "a tree that is not there is an error")
{
    struct treesize size;
    begin();
    CHECK(treesize_of(below("missing"), &size) < 0);
}
