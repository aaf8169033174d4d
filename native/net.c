#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

static const char api_socket[] = "--api-socket";

void net_init(struct net *net)
{
    memset(net, 0, sizeof(*net));
    net->helper.errors = net->helper.report = -1;
    net->ready = net->hold = -1;
}

static char *expand(const char *argument, pid_t member, int ready, int exit_fd)
{
    const struct {
        const char *name;
        int value;
    } names[] = {{"{pid}", (int)member}, {"{ready_fd}", ready}, {"{exit_fd}", exit_fd}};
    size_t room = strlen(argument) * 4 + 16, used = 0;
    char *text = malloc(room);
    while (text != NULL && *argument) {
        size_t i = 0;
        while (i < 3 && strncmp(argument, names[i].name, strlen(names[i].name)) != 0)
            i++;
        if (i == 3) {
            text[used++] = *argument++;
            continue;
        }
        used += (size_t)snprintf(text + used, room - used, "%d", names[i].value);
        argument += strlen(names[i].name);
    }
    if (text != NULL)
        text[used] = '\0';
    return text;
}

/*
 * What slirp4netns has freed goes back to the system.  glibc would keep it: 88 kB of its filter's
 * making, and after some traffic 50 to 180 MB instead of 5 to 10, with no less work for the CPU
 * (mallopt(3), and "Memory Allocation Tunables" in glibc's manual; other C libraries ignore this).
 */
static const char sparing[] = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:"
                              "glibc.malloc.top_pad=0:glibc.malloc.trim_threshold=65536";

/* Starts the helper in `directory`; ours stays what it is. */
static int start_in(int directory, struct spawn *helper, char *const argv[], const int *keep,
                    size_t keep_count)
{
    cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || (directory >= 0 && fchdir(directory) < 0))
        return -1;
    int result = spawn_start(helper, argv, sparing, keep, keep_count);
    int error = errno;
    if (fchdir(here) < 0)
        return -1;
    errno = error;
    return result;
}

static void free_words(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        free(words[i]);
    free(words);
}

int net_start(struct net *net, const struct plan_record *record, pid_t member, int directory,
              struct failure *failure)
{
    int ready[2], hold[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return fail(failure, errno, "make pipe", "%s", record->argv[0]);
    net->ready = ready[0];
    cleanup_close int ready_end = ready[1];
    if (pipe2(hold, O_CLOEXEC) < 0)
        return fail(failure, errno, "make pipe", "%s", record->argv[0]);
    net->hold = hold[1];
    cleanup_close int hold_end = hold[0];
    fcntl(net->ready, F_SETFL, O_NONBLOCK);

    int keep[2] = {ready_end, hold_end};
    char **argv = calloc(record->argc + 1u, sizeof(char *));
    int result = argv == NULL ? -1 : 0;
    for (unsigned i = 0; result == 0 && i < record->argc; i++) {
        argv[i] = expand(record->argv[i], member, ready_end, hold_end);
        result = argv[i] == NULL ? -1 : 0;
        /* By this socket it is told of ports (slirp4netns(1)), so without one it has none. */
        net->publishes |= strncmp(record->argv[i], api_socket, strlen(api_socket)) == 0;
    }
    if (result == 0)
        result = start_in(directory, &net->helper, argv, keep, 2);
    if (result < 0)
        fail(failure, errno, "execute", "%s", record->argv[0]);
    free_words(argv);
    return result;
}

bool net_check_ready(struct net *net)
{
    char byte;
    ssize_t got = read(net->ready, &byte, 1);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    /* The end of file without a byte is a failure: its exit will be seen. */
    drop_fd(&net->ready);
    return got == 1;
}

void net_failed(struct net *net, int status, struct failure *failure)
{
    spawn_finish(&net->helper);
    failure_stage(failure, "network");
    if (net->helper.exec_error != 0) {
        fail(failure, net->helper.exec_error, "execute", "network helper");
        return;
    }
    fail(failure, EIO, "start", "network helper");
    if (net->helper.length > 0)
        failure_detail(failure, "%s", net->helper.text);
    if (WIFEXITED(status))
        failure_detail(failure, "it ended with status %d", WEXITSTATUS(status));
    else
        failure_detail(failure, "it was ended by signal %d", WTERMSIG(status));
}

void net_stop(struct net *net)
{
    drop_fd(&net->hold);
    drop_fd(&net->ready);
    if (net->publishes)
        spawn_kill(&net->helper);
    else if (net->helper.pid > 0)
        kill(net->helper.pid, SIGKILL);
}

void net_reap(struct net *net)
{
    spawn_kill(&net->helper);
}
