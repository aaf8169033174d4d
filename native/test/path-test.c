/* Paths inside a root.  Run twice: with openat2(2), and without (deny-syscall). */
#include "../path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static int root = -1;
static char outside[128];

/* DIR/root is the root; DIR/victim must never be reached. */
static void begin(void)
{
    char path[128];
    const char *directory = test_directory();
    if (root >= 0)
        close(root);
    snprintf(path, sizeof(path), "%s/root", directory);
    mkdir(path, 0755);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(outside, sizeof(outside), "%s/victim", directory);
    mkdir(outside, 0755);
    mkdirat(root, "etc", 0755);
    test_write(path, "etc/file", "x", 1);
}

static bool is_same(int fd, int directory, const char *name)
{
    struct stat a, b;
    bool same = fd >= 0 && fstat(fd, &a) == 0 &&
                fstatat(directory, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    if (fd >= 0)
        close(fd);
    return same;
}

static bool is_untouched(void)
{
    return rmdir(outside) == 0;
}

TEST(absolute, "absolute paths, links and dots stay inside the root")
{
    begin();
    CHECK(symlinkat("/etc/file", root, "absolute") == 0);
    CHECK(symlinkat("../../../../etc/file", root, "dots") == 0);
    CHECK(symlinkat("etc", root, "directory") == 0);
    CHECK(is_same(path_open(root, "/etc/file", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "etc//./file", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "/../../../etc/file", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "absolute", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "dots", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "directory/../directory/file", 0), root, "etc/file"));
    CHECK(is_same(path_open(root, "/", 0), root, "."));
    CHECK(is_same(path_open(root, "..", 0), root, "."));
}

TEST(no_links, "no link at all is followed where none is allowed")
{
    begin();
    CHECK(symlinkat("etc", root, "directory") == 0);
    CHECK(path_open(root, "directory", PATH_NO_SYMLINKS) < 0 && errno == ELOOP);
    CHECK(path_open(root, "directory/file", PATH_NO_SYMLINKS) < 0 && errno == ELOOP);
    CHECK(path_ensure(root, "directory/new", PATH_DIRECTORY, 0755, PATH_NO_SYMLINKS) < 0 &&
          errno == ELOOP);
    CHECK(is_same(path_open(root, "etc/file", PATH_NO_SYMLINKS), root, "etc/file"));
}

TEST(loops, "a loop of links ends in ELOOP")
{
    begin();
    CHECK(symlinkat("b", root, "a") == 0 && symlinkat("a", root, "b") == 0);
    CHECK(path_open(root, "a", 0) < 0 && errno == ELOOP);
    CHECK(path_ensure(root, "a/x", PATH_FILE, 0644, 0) < 0 && errno == ELOOP);
}

TEST(magic, "a magic link of /proc is refused")
{
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[64];
    snprintf(path, sizeof(path), "%d/root", (int)getpid());
    CHECK(path_open(proc, path, 0) < 0 && errno == ELOOP);
    snprintf(path, sizeof(path), "%d/fd/0", (int)getpid());
    CHECK(path_open(proc, path, 0) < 0 && errno == ELOOP);
    snprintf(path, sizeof(path), "%d/cwd/etc", (int)getpid());
    CHECK(path_open(proc, path, 0) < 0 && errno == ELOOP);
    close(proc);
}

TEST(makes_parents, "missing parents are made inside the root only")
{
    struct stat status;
    begin();
    CHECK(is_same(path_ensure(root, "/a/b/c", PATH_DIRECTORY, 0700, 0), root, "a/b/c"));
    CHECK(is_same(path_ensure(root, "/a/b/../d/file", PATH_FILE, 0644, 0), root, "a/d/file"));
    CHECK(fstatat(root, "a", &status, 0) == 0 && (status.st_mode & 0777) == 0755);
    CHECK(fstatat(root, "a/d/file", &status, 0) == 0 && S_ISREG(status.st_mode));
    CHECK(is_untouched());
}

TEST(through_links, "a target behind a link is made where the container sees it")
{
    begin();
    CHECK(symlinkat(outside, root, "absolute") == 0);
    CHECK(symlinkat("../victim", root, "relative") == 0);
    CHECK(symlinkat("/nowhere/file", root, "dangling") == 0);
    int fd = path_ensure(root, "absolute/x", PATH_DIRECTORY, 0755, 0);
    CHECK(fd >= 0);
    close(fd);
    CHECK(is_same(path_ensure(root, "relative/x", PATH_DIRECTORY, 0755, 0), root, "victim/x"));
    CHECK(is_same(path_ensure(root, "dangling", PATH_FILE, 0644, 0), root, "nowhere/file"));
    CHECK(is_untouched());
}

TEST(wrong_kind, "a directory is no file and a file no directory")
{
    begin();
    CHECK(path_ensure(root, "etc", PATH_FILE, 0644, 0) < 0 && errno == EISDIR);
    CHECK(path_ensure(root, "etc/file", PATH_DIRECTORY, 0755, 0) < 0 && errno == ENOTDIR);
    CHECK(path_ensure(root, "etc/file/x", PATH_DIRECTORY, 0755, 0) < 0 && errno == ENOTDIR);
    CHECK(path_open(root, "missing", 0) < 0 && errno == ENOENT);
}

TEST(parents, "the parent of a path is made and its last component given")
{
    char name[NAME_MAX + 1];
    begin();
    CHECK(is_same(path_ensure_parent(root, "/new/dir/leaf", name, 0), root, "new/dir"));
    CHECK_STRING(name, "leaf");
    CHECK(is_same(path_ensure_parent(root, "leaf/", name, 0), root, "."));
    CHECK_STRING(name, "leaf");
    CHECK(path_ensure_parent(root, "/", name, 0) < 0 && errno == EINVAL);
    CHECK(path_ensure_parent(root, "a/..", name, 0) < 0 && errno == EINVAL);
    CHECK(path_ensure_parent(root, "", name, 0) < 0 && errno == EINVAL);
}

TEST(regular_only, "only a regular file is opened as one")
{
    begin();
    CHECK(mkfifoat(root, "fifo", 0644) == 0);
    CHECK(path_open_regular(root, "fifo", O_RDONLY) < 0 && errno == EINVAL);
    CHECK(path_open_regular(root, "etc", O_RDONLY) < 0 && errno == EINVAL);
    int fd = path_open_regular(root, "etc/file", O_RDONLY);
    char byte;
    CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x');
    close(fd);
}

TEST(long_paths, "a path that is too long or too deep is refused")
{
    char path[PATH_MAX + 10];
    begin();
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    CHECK(path_open(root, path, 0) < 0 && errno == ENAMETOOLONG);
    path[300] = '\0';
    CHECK(path_ensure(root, path, PATH_FILE, 0644, 0) < 0 && errno == ENAMETOOLONG);
    size_t used = 0;
    while (used < 2000)
        used += (size_t)snprintf(path + used, sizeof(path) - used, "d/");
    CHECK(path_ensure(root, path, PATH_DIRECTORY, 0755, 0) < 0 && errno == ENAMETOOLONG);
}
