#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../process-stat.h"
#include "test.h"

TEST(start_time, "a process that does not exist has no start time")
{
    CHECK(process_start_time(getpid()) > 0);
    CHECK(process_start_time(0x7ffffff0) == 0);
}

TEST(ending, "a process is ending from its end until somebody waits for it")
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    CHECK(pid > 0 && !process_is_ending(pid) && !process_never_executed(pid));
    kill(pid, SIGKILL);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(process_is_ending(pid) && process_never_executed(pid));
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(!process_is_ending(pid));
}
