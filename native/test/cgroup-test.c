/* Ending what is in a control group, where the kernel has no cgroup.kill (before Linux 5.14). */
#include "../cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"
#include "test.h"

/* A directory stands for the group, a file in it for its list. */
static struct cgroup cgroup;
static const char *directory;

static void list(const char *text)
{
    test_write(directory, "cgroup.procs", text, strlen(text));
}

static void begin(const char *text)
{
    char path[128];
    directory = test_directory();
    list(text);
    snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    cgroup_init(&cgroup);
    cgroup.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cgroup.entry = open(path, O_RDWR | O_CLOEXEC);
    if (cgroup.directory < 0 || cgroup.entry < 0)
        abort();
}

static void end(void)
{
    race_before_pidfd = NULL;
    close(cgroup.directory);
    close(cgroup.entry);
}

static pid_t start(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        for (;;)
            pause();
    }
    return pid;
}

/* By which signal it has ended, or would have if it lived. */
static int killed_by(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static pid_t leaving;

static void leave(int pid)
{
    if (pid == leaving)
        list("");
}

static void stay_listed(int pid)
{
    (void)pid;
    leaving = pid;
}

TEST(listed, "what is in a control group is killed, without cgroup.kill too")
{
    char text[64];
    pid_t pid = start();
    snprintf(text, sizeof(text), "%d\n", pid);
    begin(text);
    race_before_pidfd = stay_listed;
    cgroup_kill(&cgroup);
    end();
    CHECK(leaving == pid);
    CHECK(killed_by(pid) == SIGKILL);
}

TEST(left, "a process that got the number of one that has left it is not")
{
    char text[64];
    pid_t pid = leaving = start();
    snprintf(text, sizeof(text), "%d\n", pid);
    begin(text);
    race_before_pidfd = leave;
    cgroup_kill(&cgroup);
    end();
    CHECK(killed_by(pid) == SIGTERM);
}

TEST(cut_off, "nor is one whose number is the beginning of one that was cut off")
{
    char text[64];
    pid_t pid = start();
    snprintf(text, sizeof(text), "%d", pid);
    begin(text);
    cgroup_kill(&cgroup);
    end();
    CHECK(killed_by(pid) == SIGTERM);
}
