#include "../landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../event.h"
#include "test.h"

static void make_kept(const char *directory)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/kept", directory);
    if (mkdir(path, 0700) < 0)
        abort();
    test_write(directory, "kept/file", "x", 1);
}

/* In a child, since there is no way back; its exit status is that of `attempt`. */
static int confined(const char *directory, int (*attempt)(const char *directory))
{
    pid_t pid = fork();
    if (pid == 0) {
        char kept[256];
        snprintf(kept, sizeof(kept), "%s/kept", directory);
        int rules = landlock_begin(), place = open(kept, O_PATH | O_CLOEXEC);
        if (landlock_keep(rules, place, LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE) < 0 ||
            landlock_confine(rules) < 0)
            _exit(99);
        _exit(attempt(directory));
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_at(const char *directory, const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return open(path, flags, 0600) >= 0 ? 0 : errno;
}

static int open_kept(const char *directory)
{
    return open_at(directory, "kept/file", O_RDWR);
}

static int open_other(const char *directory)
{
    return open_at(directory, "other", O_RDONLY);
}

static int make_in_kept(const char *directory)
{
    return open_at(directory, "kept/new", O_WRONLY | O_CREAT);
}

static bool has_landlock(void)
{
    int rules = landlock_begin();
    if (rules >= 0)
        close(rules);
    return rules >= 0;
}

TEST(confinement, "a confined process has the files that it has kept, and only with those rights")
{
    const char *directory = test_directory();
    make_kept(directory);
    test_write(directory, "other", "x", 1);
    if (!has_landlock()) {
        puts("     (no Landlock in this kernel)");
        return;
    }
    CHECK(confined(directory, open_kept) == 0);
    CHECK(confined(directory, open_other) == EACCES);
    CHECK(confined(directory, make_in_kept) == EACCES);
}

static int write_event(const char *directory)
{
    static char status[] = "died", line[] = "it died\n";
    char path[256];
    snprintf(path, sizeof(path), "%s/other", directory);
    struct events events = {.count = 1, .list = {{status, path, line}}};
    /* As the monitor does before it confines itself: here it is told by the number. */
    events.kept = 9;
    return event_write(&events, "died", "0") == 0 ? 0 : 1;
}

TEST(kept_events, "a confined process writes its events into the file that was kept open")
{
    const char *directory = test_directory();
    char path[256];
    make_kept(directory);
    snprintf(path, sizeof(path), "%s/other", directory);
    if (!has_landlock())
        return;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    CHECK(dup2(fd, 9) == 9);
    close(fd);
    CHECK(confined(directory, write_event) == 0);
    close(9);
    CHECK_STRING(test_read(directory, "other"), "it died\n");
}
