/* Removing trees. */
#include "../rmtree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char top[128], victim[128];

static void begin(void)
{
    const char *directory = test_directory();
    snprintf(top, sizeof(top), "%s/tree", directory);
    snprintf(victim, sizeof(victim), "%s/victim", directory);
    mkdir(top, 0755);
    mkdir(victim, 0755);
    test_write(victim, "file", "x", 1);
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

TEST(tree, "a tree goes with all that it holds")
{
    char path[256];
    begin();
    snprintf(path, sizeof(path), "%s/a", top);
    mkdir(path, 0755);
    test_write(path, "one", "x", 1);
    snprintf(path, sizeof(path), "%s/a/b", top);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/fifo", top);
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(rmtree_main((char *[]){top, NULL}) == 0);
    CHECK(!exists(top));
}

TEST(links, "a link is removed and what it points to is not")
{
    char path[256];
    begin();
    snprintf(path, sizeof(path), "%s/link", top);
    CHECK(symlink(victim, path) == 0);
    CHECK(rmtree_main((char *[]){top, NULL}) == 0);
    CHECK(!exists(top) && exists(victim));
    CHECK_STRING(test_read(victim, "file"), "x");
    CHECK(symlink(victim, top) == 0);
    CHECK(rmtree_main((char *[]){top, NULL}) == 0);
    CHECK(!exists(top));
    CHECK_STRING(test_read(victim, "file"), "x");
}

TEST(closed_directories, "directories that their owner may not enter go too")
{
    char path[256];
    begin();
    snprintf(path, sizeof(path), "%s/closed", top);
    mkdir(path, 0755);
    test_write(path, "file", "x", 1);
    CHECK(chmod(path, 0) == 0 && chmod(top, 0500) == 0);
    CHECK(rmtree_main((char *[]){top, NULL}) == 0);
    CHECK(!exists(top));
}

TEST(deep, "a tree of a thousand levels goes")
{
    begin();
    int here = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 1000; i++) {
        CHECK(mkdirat(here, "d", 0755) == 0);
        int next = openat(here, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(here);
        here = next;
    }
    close(here);
    CHECK(rmtree_main((char *[]){top, NULL}) == 0);
    CHECK(!exists(top));
}

TEST(busy, "a tree that somebody writes to at the same time goes")
{
    char path[256];
    for (int round = 0; round < 20; round++) {
        begin();
        snprintf(path, sizeof(path), "%s/a", top);
        mkdir(path, 0755);
        pid_t writer = fork();
        if (writer == 0) {
            /* Ends with the directory; no more files than there are passes over it. */
            for (int i = 0; i < 80; i++) {
                snprintf(path, sizeof(path), "%s/file-%d", top, i);
                if (mknod(path, S_IFREG | 0600, 0) < 0)
                    break;
                usleep(1);
            }
            _exit(0);
        }
        CHECK(writer > 0 && rmtree_main((char *[]){top, NULL}) == 0);
        waitpid(writer, NULL, 0);
        CHECK(!exists(top));
    }
}

TEST(missing, "what is not there is removed already")
{
    begin();
    char path[256];
    snprintf(path, sizeof(path), "%s/nothing", top);
    CHECK(rmtree_main((char *[]){path, top, NULL}) == 0);
    CHECK(!exists(top));
}
