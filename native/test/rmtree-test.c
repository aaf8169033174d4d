/* Removing trees. */
#include "../rmtree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"
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

/* Over `a`, until something is mounted there. */
static int passes_left;

/* Whoever writes there makes another pass necessary. */
static void write_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/a", top);
    if (strcmp(name, "a") == 0 && passes_left >= 0)
        test_write(path, "file", "x", 1);
}

/* It has just turned out not to be empty. */
static void mount_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/a", top);
    if (strcmp(name, "a") == 0 && passes_left-- == 0 &&
        mount(victim, path, NULL, MS_BIND, NULL) < 0)
        _exit(3);
}

/* 0: the victim, which is bound on a directory after so many passes over that, is intact. */
static int remove_with_mount(int passes)
{
    char path[256];
    int status;
    snprintf(path, sizeof(path), "%s/a", top);
    mkdir(path, 0755);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            _exit(getenv("TSMAN_TEST_MUST_WORK") != NULL ? 2 : 0);
        passes_left = passes;
        race_before_unlink = write_there;
        race_after_unlink = mount_there;
        _exit(rmtree_quietly(top) || passes_left >= 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status == 0 && strcmp(test_read(victim, "file"), "x") == 0 ? 0 : -1;
}

TEST(mounted, "what is mounted while a tree is removed is not entered, whichever pass it is")
{
    begin();
    CHECK(remove_with_mount(0) == 0);
    CHECK(remove_with_mount(1) == 0);
    CHECK(remove_with_mount(2) == 0);
    CHECK(rmtree_quietly(top));
}

TEST(missing, "what is not there is removed already")
{
    begin();
    char path[256];
    snprintf(path, sizeof(path), "%s/nothing", top);
    CHECK(rmtree_main((char *[]){path, top, NULL}) == 0);
    CHECK(!exists(top));
}

/* A chain below an open directory. */
static void make_chain(int at, int levels)
{
    at = dup(at);
    for (int level = 0; level < levels; level++) {
        CHECK(mkdirat(at, "x", 0700) == 0);
        int below = openat(at, "x", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = below;
    }
    close(at);
}

/* An empty directory that is met before all others of its parent. */
static int make_first(int at)
{
    for (int i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "chain-%d", i);
        if (mkdirat(at, name, 0700) < 0)
            return -1;
        DIR *directory = fdopendir(openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry = readdir(directory);
        while (entry != NULL && entry->d_name[0] == '.' && strlen(entry->d_name) < 3)
            entry = readdir(directory);
        bool is_first = entry != NULL && strcmp(entry->d_name, name) == 0;
        closedir(directory);
        if (is_first)
            return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return -1;
}

TEST(names, "a deep tree goes whatever names its top has")
{
    begin();
    int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 100; i++) {
        char name[48];
        snprintf(name, sizeof(name), ".tsman-removed-%d", i);
        CHECK(mkdirat(at, name, 0700) == 0);
        strcat(name, "/x");
        CHECK(mkdirat(at, name, 0700) == 0);
    }
    int first = make_first(at);
    CHECK(first >= 0);
    make_chain(first, 500);
    close(first);
    close(at);
    CHECK(rmtree_quietly(top));
    CHECK(!exists(top));
}

TEST(deeper, "a tree that is deeper than there are descriptors goes")
{
    struct rlimit few;
    begin();
    int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_chain(at, 3000);
    close(at);
    pid_t pid = fork();
    if (pid == 0) {
        few = (struct rlimit){300, 300};
        setrlimit(RLIMIT_NOFILE, &few);
        _exit(rmtree_main((char *[]){top, NULL}));
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(!exists(top));
}
