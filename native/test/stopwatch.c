/*
 * How long a program takes, for the benchmark: Node's own way to start one copies the page tables
 * of a large process first, which is nobody's time and several milliseconds of everybody's.
 *
 *   stopwatch PROGRAM [ARGUMENT...]
 *
 * Nanoseconds from vfork(2) until the program has ended go to descriptor 3; the status is the
 * program's, 128 + signal as with a shell, 127 where it cannot be executed.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RESULT = 3 };

extern char **environ;

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv)
{
    pid_t pid;
    int status;
    if (argc < 2 || fcntl(RESULT, F_SETFD, FD_CLOEXEC) < 0) {
        fprintf(stderr, "usage: stopwatch PROGRAM [ARGUMENT...] 3>RESULT\n");
        return 125;
    }
    long long begin = now();
    int error = posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ);
    if (error != 0) {
        fprintf(stderr, "stopwatch: execute %s: %s\n", argv[1], strerror(error));
        return 127;
    }
    if (waitpid(pid, &status, 0) < 0)
        return 125;
    dprintf(RESULT, "%lld\n", now() - begin);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
