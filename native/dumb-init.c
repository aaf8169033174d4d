#include "dumb-init.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"

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
    /* The program must see the end of its pipes when the other end closes; the
       sync socket closed here means "executed" to the monitor only once the
       program's copy is closed too. */
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    if (kernel_close_range(3, ~0u, 0) < 0) {
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
    }
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

int dumb_init_fork(struct init *init)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    pid_t pid = fork();
    if (pid < 0)
        return fail(&init->failure, errno, "fork", "program below init");
    if (pid > 0)
        supervise(pid);
    setpgid(0, 0);
    if (init->tty >= 0) {
        /* From the background this would stop us, were SIGTTOU not blocked. */
        pid_t group = getpid();
        ioctl(0, TIOCSPGRP, &group);
    }
    return 0;
}
