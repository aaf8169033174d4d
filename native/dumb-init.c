#include "dumb-init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "number.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

static void forward(pid_t program, int number)
{
    /* The program leads a process group of its own: what pid 1 is told, all of
       it is told, as a terminal would. */
    if (kill(-program, number) < 0)
        kill(program, number);
}

_Noreturn static void supervise(pid_t program)
{
    sigset_t all;
    sigfillset(&all);
    prctl(PR_SET_NAME, "tsman-init");
    for (;;) {
        int number = sigwaitinfo(&all, NULL);
        if (number > 0 && number != SIGCHLD) {
            forward(program, number);
            continue;
        }
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            if (pid != program)
                continue;
            /* The end of pid 1 ends all others.  A signal cannot end it the same
               way, so the shell's number for it is passed on. */
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
    }
}

/*
 * Executes our program anew: its memory holds nothing of the host then, so it may be as
 * open to the container's root as any other process of the container, and an exec
 * session can join it (join.h).  A profile that forbids it leaves us as we are.
 */
_Noreturn static void become_supervisor(const struct init *init, pid_t program, int gate)
{
    static char name[] = "tsman-init", verb[] = "supervise";
    static char *environment[] = {NULL};
    char text[16];
    char *argv[] = {name, verb, text, NULL};
    snprintf(text, sizeof(text), "%d", (int)program);
    /* Descriptor 0 is all that is kept: the gate opens when it is closed. */
    dup2(gate, 0);
    /* The program must see the end of its pipes when the other end closes; the
       sync socket closed here means "executed" to the monitor only once the
       program's copy is closed too. */
    const unsigned self = (unsigned)init->self;
    if ((init->self > 1 && kernel_close_range(1, self - 1, 0) < 0) ||
        kernel_close_range(self + 1, ~0u, 0) < 0) {
        for (int fd = 1; fd < 1024; fd++) {
            if (fd != init->self)
                close(fd);
        }
    }
    if (init->self >= 0)
        kernel_execveat(init->self, "", argv, environment, AT_EMPTY_PATH);
    close(0);
    supervise(program);
}

int dumb_init_main(char **words)
{
    uint64_t program;
    if (words[0] == NULL || words[1] != NULL || !number_parse(words[0], 10, INT32_MAX, &program) ||
        program < 2) {
        fprintf(stderr, "tsman-native: supervise: usage: supervise PID\n");
        return 125;
    }
    /* Whoever attached to it with ptrace(2) could stop the container's end.  Who owns the
       user namespace may still join it: since execve(2) its memory belongs there. */
    prctl(PR_SET_DUMPABLE, 0);
    close(0);
    supervise((pid_t)program);
}

int dumb_init_fork(struct init *init)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0)
        return fail(&init->failure, errno, "make pipe", "to init");
    pid_t pid = fork();
    if (pid < 0)
        return fail(&init->failure, errno, "fork", "program below init");
    if (pid > 0)
        become_supervisor(init, pid, gate[1]);
    /* No program before pid 1 is closed to it. */
    char nothing;
    close(gate[1]);
    while (read(gate[0], &nothing, 1) < 0 && errno == EINTR)
        ;
    close(gate[0]);
    setpgid(0, 0);
    if (init->tty >= 0) {
        /* From the background this would stop us, were SIGTTOU not blocked. */
        pid_t group = getpid();
        ioctl(0, TIOCSPGRP, &group);
    }
    return 0;
}
