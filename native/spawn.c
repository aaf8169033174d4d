#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifeline.h"
#include "memory.h"

static char *const *scrubbed_environment(const char *variable)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char runtime[512];
    static char *environment[4];
    size_t count = 0;
    environment[count++] = path;
    const char *directory = getenv("XDG_RUNTIME_DIR");
    if (directory != NULL &&
        snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=%s", directory) < (int)sizeof(runtime))
        environment[count++] = runtime;
    /* execve(2) does not write to it. */
    if (variable != NULL)
        environment[count++] = (char *)(uintptr_t)variable;
    return environment;
}

static void exec_program(char *const argv[], const char *variable)
{
    char *const *environment = scrubbed_environment(variable);
    if (strchr(argv[0], '/') != NULL) {
        execve(argv[0], argv, environment);
        return;
    }
    const char *directories[] = {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", directories[i], argv[0]);
        execve(path, argv, environment);
        if (errno != ENOENT)
            return;
    }
}

static void child(char *const argv[], const char *variable, const int *keep, size_t keep_count,
                  int errors, int report, pid_t parent)
{
    sigset_t none;
    /* Not inherited by what a daemon forks, and reset by a setuid program. */
    lifeline_tie(parent);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(errors, 2) >= 0) {
        for (size_t i = 0; i < keep_count; i++) {
            int flags = fcntl(keep[i], F_GETFD);
            fcntl(keep[i], F_SETFD, flags & ~FD_CLOEXEC);
        }
        exec_program(argv, variable);
    }
    int error = errno;
    if (write(report, &error, sizeof(error)) != sizeof(error))
        _exit(126);
    _exit(127);
}

int spawn_start(struct spawn *spawn, char *const argv[], const char *variable, const int *keep,
                size_t keep_count)
{
    int pipes[2], reports[2];
    memset(spawn, 0, sizeof(*spawn));
    spawn->errors = -1;
    spawn->report = -1;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    cleanup_close int read_end = pipes[0];
    cleanup_close int write_end = pipes[1];
    if (pipe2(reports, O_CLOEXEC) < 0)
        return -1;
    cleanup_close int report_read = reports[0];
    cleanup_close int report_write = reports[1];
    if (fcntl(read_end, F_SETFL, O_NONBLOCK) < 0 || fcntl(report_read, F_SETFL, O_NONBLOCK) < 0)
        return -1;

    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        child(argv, variable, keep, keep_count, write_end, report_write, parent);

    spawn->pid = pid;
    spawn->errors = give_fd(&read_end);
    spawn->report = give_fd(&report_read);
    return 0;
}

void spawn_finish(struct spawn *spawn)
{
    int error;
    spawn_drain(spawn);
    if (spawn->report >= 0 && read(spawn->report, &error, sizeof(error)) == sizeof(error))
        spawn->exec_error = error;
    drop_fd(&spawn->report);
    drop_fd(&spawn->errors);
    spawn->pid = 0;
}

void spawn_drain(struct spawn *spawn)
{
    char chunk[512];
    while (spawn->errors >= 0) {
        ssize_t got = read(spawn->errors, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            drop_fd(&spawn->errors);
            return;
        }
        size_t room = sizeof(spawn->text) - 1 - spawn->length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(spawn->text + spawn->length, chunk, kept);
        spawn->length += kept;
        spawn->text[spawn->length] = '\0';
    }
}

int spawn_wait(struct spawn *spawn)
{
    int status = 0;
    /* Until it has closed stderr, so that a long message cannot block it; a child
       of its own may keep stderr open (fuse-overlayfs in the background), so its
       end counts as well. */
    for (;;) {
        pid_t done = waitpid(spawn->pid, &status, spawn->errors >= 0 ? WNOHANG : 0);
        if (done == spawn->pid)
            break;
        if (done < 0 && errno != EINTR)
            break;
        struct pollfd wait = {.fd = spawn->errors, .events = POLLIN};
        if (spawn->errors >= 0 && poll(&wait, 1, 20) > 0)
            spawn_drain(spawn);
    }
    spawn_finish(spawn);
    return status;
}

void spawn_kill(struct spawn *spawn)
{
    if (spawn->pid > 0) {
        kill(spawn->pid, SIGKILL);
        while (waitpid(spawn->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    spawn_finish(spawn);
}
