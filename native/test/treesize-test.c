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
    uint64_t bytes;
    begin();
    CHECK(treesize_of(top, &bytes) == 0 && bytes == 0);
    test_write(top, "one", "x", 1);
    CHECK(mkdir(below("a"), 0755) == 0 && mkdir(below("a/b"), 0755) == 0);
    test_write(top, "a/b/two", "12345", 5);
    CHECK(mkfifo(below("a/fifo"), 0600) == 0);
    CHECK(treesize_of(top, &bytes) == 0 && bytes == 6);
}

TEST(treesize_names, "a file with several names counts once")
{
    uint64_t bytes;
    char second[256], name[32];
    begin();
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        test_write(top, name, "1234567", 7);
        snprintf(second, sizeof(second), "%s/again%d", top, i);
        CHECK(link(below(name), second) == 0);
    }
    CHECK(treesize_of(top, &bytes) == 0 && bytes == 200 * 7);
}

TEST(treesize_links, "a link is not followed, be it the tree itself")
{
    uint64_t bytes;
    begin();
    CHECK(mkdir(below("tree"), 0755) == 0);
    test_write(top, "outside", "1234", 4);
    CHECK(symlink("../outside", below("tree/link")) == 0);
    CHECK(symlink("/", below("tree/root")) == 0);
    CHECK(treesize_of(below("tree"), &bytes) == 0 && bytes == strlen("../outside") + 1);
    CHECK(symlink("tree", below("alias")) == 0);
    CHECK(treesize_of(below("alias"), &bytes) < 0);
}

TEST(treesize_sparse, "sizes that files only claim do not wrap around")
{
    uint64_t bytes;
    char name[32];
    begin();
    int made = 0;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "sparse%d", i);
        int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        made += ftruncate(fd, INT64_MAX) == 0;
        close(fd);
    }
    CHECK(treesize_of(top, &bytes) == 0);
    /* Not every file system takes such files. */
    CHECK(made < 4 || bytes == UINT64_MAX);
}

TEST(treesize_missing, "a tree that is not there is an error")
{
    uint64_t bytes;
    begin();
    CHECK(treesize_of(below("missing"), &bytes) < 0);
}
