#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "placeholder.h"
#include "protocol.h"
#include "slots.h"

/* Operands before the argument vector. */
enum { KIND, PATH, TIMEOUT, TEXT, COUNT, WORDS };
/* Where the child keeps the pipe that tells a failed execve. */
#define REPORT 3

struct hook {
    pid_t pid;
    int input, output, report, ended; /* -1: closed */
    char *text;
    size_t length, written;
    int64_t deadline; /* 0: none */
    bool timed_out;
    char said[1024];
    size_t said_length;
};

bool hook_is_start(const struct plan_record *record)
{
    return strcmp(record->argv[KIND], "start") == 0;
}

bool hook_is_valid(const struct plan_record *record)
{
    return (hook_is_start(record) || strcmp(record->argv[KIND], "container") == 0) &&
           record->argv[PATH][0] == '/' &&
           plan_number(record, COUNT) <= record->argc - (uint64_t)WORDS;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The runtime's root, with the new one as working directory; `..` from there leads to
   the runtime's as well, since nothing of it is hidden from a hook. */
static int go_outside(const struct init *init)
{
    return fchdir(init->old_root) == 0 && chroot(".") == 0 ? fchdir(init->root) : -1;
}

_Noreturn static void child(const struct init *init, const struct plan_record *record, int input,
                            int output, int report)
{
    size_t count = plan_number(record, COUNT);
    char *bare[] = {record->argv[PATH], NULL};
    char **environment = record->argv + WORDS + count;
    char **argv = calloc(count + 1, sizeof(char *));
    sigset_t none;
    /* Ended with us, and killed with whatever it has started. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (argv != NULL)
        memcpy(argv, record->argv + WORDS, count * sizeof(char *));
    /* Above what they are to become: each is copied before its place is taken. */
    int in = fcntl(input, F_DUPFD_CLOEXEC, 10), out = fcntl(output, F_DUPFD_CLOEXEC, 10);
    int up = fcntl(report, F_DUPFD_CLOEXEC, 10);
    bool ready = argv != NULL && in >= 0 && out >= 0 && up >= 0 && dup2(in, 0) >= 0 &&
                 dup2(out, 1) >= 0 && dup2(out, 2) >= 0 && dup3(up, REPORT, O_CLOEXEC) >= 0;
    if (ready && !hook_is_start(record)) {
        ready = go_outside(init) == 0;
        slots_restore_limit();
        lifeline_restore_core();
    }
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* What is preserved for the program is not the hook's. */
    if (ready && kernel_close_range(REPORT + 1, ~0u, 0) < 0) {
        for (int fd = REPORT + 1; fd < 1024; fd++)
            close(fd);
    }
    if (ready)
        execve(record->argv[PATH], count > 0 ? argv : bare, environment);
    int error = errno;
    if (write(ready ? REPORT : report, &error, sizeof(error)) != sizeof(error))
        _exit(126);
    _exit(127);
}

static int start(struct hook *hook, struct init *init, const struct plan_record *record)
{
    int input[2], output[2], report[2];
    const char *path = record->argv[PATH];
    if (pipe2(input, O_CLOEXEC) < 0)
        return fail(&init->failure, errno, "run hook", "%s", path);
    hook->input = input[1];
    cleanup_close int input_read = input[0];
    if (pipe2(output, O_CLOEXEC) < 0)
        return fail(&init->failure, errno, "run hook", "%s", path);
    hook->output = output[0];
    cleanup_close int output_write = output[1];
    if (pipe2(report, O_CLOEXEC) < 0)
        return fail(&init->failure, errno, "run hook", "%s", path);
    hook->report = report[0];
    cleanup_close int report_write = report[1];
    fcntl(hook->input, F_SETFL, O_NONBLOCK);
    fcntl(hook->output, F_SETFL, O_NONBLOCK);
    hook->text = placeholder_fill(record->argv[TEXT], getpid(), 1, &hook->length);
    if (hook->text == NULL)
        return fail(&init->failure, ENOMEM, "run hook", "%s", path);
    hook->pid = fork();
    if (hook->pid < 0)
        return fail(&init->failure, errno, "run hook", "%s", path);
    if (hook->pid == 0)
        child(init, record, input_read, output_write, report_write);
    hook->ended = kernel_pidfd_open(hook->pid);
    uint64_t patience = plan_number(record, TIMEOUT);
    hook->deadline = patience > 0 ? now() + (int64_t)patience : 0;
    return 0;
}

static void give_input(struct hook *hook)
{
    while (hook->input >= 0 && hook->written < hook->length) {
        ssize_t done = write(hook->input, hook->text + hook->written, hook->length - hook->written);
        if (done < 0 && errno == EAGAIN)
            return;
        /* One that does not read its state has no use for it. */
        if (done <= 0)
            break;
        hook->written += (size_t)done;
    }
    drop_fd(&hook->input);
}

static void take_output(struct hook *hook)
{
    char chunk[512];
    while (hook->output >= 0) {
        ssize_t got = read(hook->output, chunk, sizeof(chunk));
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            drop_fd(&hook->output);
            return;
        }
        size_t room = sizeof(hook->said) - 1 - hook->said_length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(hook->said + hook->said_length, chunk, kept);
        hook->said_length += kept;
    }
}

/* Milliseconds for poll(2). */
static int patience(const struct hook *hook)
{
    int64_t left = hook->deadline == 0 ? 60000 : hook->deadline - now();
    if (left < 0)
        return 0;
    /* Without a pidfd (Linux before 5.3) its end is looked for. */
    int64_t most = hook->ended >= 0 ? 60000 : 20;
    return (int)(left < most ? left : most);
}

/* What it has started may hold its output open for longer: only its own end counts. */
static int wait_for(struct hook *hook)
{
    int status = 0;
    for (;;) {
        struct pollfd fds[3] = {{.fd = hook->input, .events = POLLOUT},
                                {.fd = hook->output, .events = POLLIN},
                                {.fd = hook->ended, .events = POLLIN}};
        poll(fds, 3, patience(hook));
        give_input(hook);
        take_output(hook);
        pid_t done = waitpid(hook->pid, &status, WNOHANG);
        if (done == hook->pid || (done < 0 && errno != EINTR))
            break;
        if (hook->deadline != 0 && now() >= hook->deadline && !hook->timed_out) {
            hook->timed_out = true;
            kill(-hook->pid, SIGKILL);
            kill(hook->pid, SIGKILL);
        }
    }
    take_output(hook);
    return status;
}

static void release(struct hook *hook)
{
    free(hook->text);
    drop_fd(&hook->input);
    drop_fd(&hook->output);
    drop_fd(&hook->report);
    drop_fd(&hook->ended);
}

static int judge(const struct hook *hook, struct init *init, const struct plan_record *record,
                 int status)
{
    int error = 0;
    const char *path = record->argv[PATH];
    if (read(hook->report, &error, sizeof(error)) == sizeof(error))
        return fail(&init->failure, error, "run hook", "%s", path);
    if (!hook->timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (hook->timed_out)
        failure_detail(&init->failure, "timed out after %s ms", record->argv[TIMEOUT]);
    else if (WIFEXITED(status))
        failure_detail(&init->failure, "exit status %d", WEXITSTATUS(status));
    else
        failure_detail(&init->failure, "signal %d", WTERMSIG(status));
    if (hook->said_length > 0)
        failure_detail(&init->failure, "%s", hook->said);
    return fail(&init->failure, 0, "run hook", "%s", path);
}

static int run(struct init *init, const struct plan_record *record)
{
    struct hook hook = {.input = -1, .output = -1, .report = -1, .ended = -1};
    struct sigaction before, ignored = {.sa_handler = SIG_IGN};
    /* Of a hook that has closed its stdin. */
    sigaction(SIGPIPE, &ignored, &before);
    int result = start(&hook, init, record);
    if (result == 0)
        result = judge(&hook, init, record, wait_for(&hook));
    sigaction(SIGPIPE, &before, NULL);
    release(&hook);
    if (result < 0)
        failure_stage(&init->failure, "hook");
    return result;
}

int step_hook(struct init *init, const struct plan_record *step)
{
    return hook_is_start(step) ? 0 : run(init, step);
}

int hook_run_start(struct init *init)
{
    for (size_t i = 0; i < init->plan->steps_count; i++) {
        const struct plan_record *step = &init->plan->steps[i];
        if (step->op != TSMAN_OP_HOOK || !hook_is_start(step))
            continue;
        init->blamed = step;
        if (run(init, step) < 0)
            return -1;
    }
    init->blamed = NULL;
    return 0;
}
