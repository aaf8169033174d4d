#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cover.h"
#include "kernel.h"
#include "lifeline.h"
#include "map.h"
#include "memory.h"
#include "namespace.h"
#include "number.h"
#include "prepared.h"
#include "sync.h"
#include "view.h"

struct options {
    const char *uid_map, *gid_map;
    int join;        /* descriptor of a user namespace to enter instead of a new one, or -1 */
    int directory;   /* descriptor of a directory to make a mount of, or -1 */
    int give;        /* socket that a new namespace is given to instead of a program, or -1 */
    bool network;    /* with `give`: one of those too */
    pid_t worker_of; /* who the program is tied to, or 0 */
    bool mount;
    struct view view;
    struct cover cover;
    char **program;
};

static struct map_request request;

static int complain(const struct failure *failure, int status)
{
    fprintf(stderr, "tsman-native: %s: %s %s: %s (errno %d)%s%s\n",
            failure->stage[0] ? failure->stage : "userns", failure->operation, failure->object,
            strerror(failure->errnum), failure->errnum, failure->detail[0] ? ": " : "",
            failure->detail);
    return status;
}

/* "0 1000 1,1 100000 65536" */
static bool parse_map(const char *text, char *map, size_t *length)
{
    char copy[MAP_MAX_TEXT];
    char *lines = NULL;
    if (strlen(text) >= sizeof(copy))
        return false;
    strcpy(copy, text);
    for (char *line = strtok_r(copy, ",", &lines); line; line = strtok_r(NULL, ",", &lines)) {
        char *words = NULL;
        const char *part[3];
        uint64_t number;
        for (int i = 0; i < 3; i++) {
            part[i] = strtok_r(i == 0 ? line : NULL, " ", &words);
            if (part[i] == NULL || !number_parse(part[i], 10, UINT32_MAX, &number))
                return false;
        }
        if (strtok_r(NULL, " ", &words) != NULL ||
            map_add(map, length, part[0], part[1], part[2]) < 0)
            return false;
    }
    return *length > 0;
}

static bool is_complete(const struct options *options)
{
    if (options->view.kind != NULL && (!options->mount || !view_is_valid(&options->view)))
        return false;
    if (options->join >= 0)
        return options->view.kind == NULL && !options->mount;
    if (options->directory >= 0 && options->view.kind != NULL)
        return false;
    if (!options->uid_map && !options->gid_map)
        return (options->directory >= 0 || (options->worker_of > 0 && !options->mount)) &&
               request.newuidmap == NULL;
    return options->uid_map && options->gid_map &&
           (request.newuidmap == NULL) == (request.newgidmap == NULL);
}

static bool parse_options(char **words, struct options *options)
{
    uint64_t number;
    for (; *words != NULL; words++) {
        const char *word = *words;
        if (strcmp(word, "--") == 0) {
            options->program = words + 1;
            return options->program[0] != NULL && options->give < 0 && is_complete(options);
        }
        if (strcmp(word, "--deny-setgroups") == 0) {
            request.deny_setgroups = true;
        } else if (strcmp(word, "--network") == 0) {
            options->network = true;
        } else if (strcmp(word, "--mount") == 0) {
            options->mount = true;
        } else if (strcmp(word, "--keep-fds") == 0) {
            /* What happens anyway; the word says that the caller relies on it. */
        } else if (words[1] == NULL) {
            return false;
        } else if (strcmp(word, "--uid-map") == 0) {
            options->uid_map = *++words;
        } else if (strcmp(word, "--gid-map") == 0) {
            options->gid_map = *++words;
        } else if (strcmp(word, "--newuidmap") == 0) {
            request.newuidmap = *++words;
        } else if (strcmp(word, "--newgidmap") == 0) {
            request.newgidmap = *++words;
        } else if (strcmp(word, "--cover") == 0) {
            options->mount = true;
            if (!cover_add(&options->cover, *++words))
                return false;
        } else if (strcmp(word, "--expose") == 0) {
            if (!cover_expose(&options->cover, *++words))
                return false;
        } else if (strcmp(word, "--worker") == 0) {
            if (!number_parse(*++words, 10, INT32_MAX, &number))
                return false;
            options->worker_of = (pid_t)number;
        } else if (strcmp(word, "--give") == 0) {
            if (!number_parse(*++words, 10, INT32_MAX, &number))
                return false;
            options->give = (int)number;
        } else if (strcmp(word, "--join") == 0) {
            if (!number_parse(*++words, 10, INT32_MAX, &number))
                return false;
            options->join = (int)number;
        } else if (strcmp(word, "--directory") == 0) {
            options->mount = true;
            if (!number_parse(*++words, 10, INT32_MAX, &number))
                return false;
            options->directory = (int)number;
        } else if (strcmp(word, "--view") == 0) {
            options->view.kind = *++words;
            options->view.words = words + 1;
            while (words[1] != NULL && strcmp(words[1], "--") != 0) {
                words++;
                options->view.count++;
            }
        } else {
            return false;
        }
    }
    return options->give >= 0 && options->uid_map != NULL && options->worker_of > 0 &&
           !options->mount && options->join < 0 && is_complete(options);
}

/* The child: still in the caller's namespace, as map_apply() needs. */
_Noreturn static void map_parent(int sync, pid_t parent)
{
    static struct failure failure;
    lifeline_tie(parent);
    if (sync_await(sync, SYNC_MAP_WANTED) < 0)
        _exit(1);
    if (map_apply(parent, &request, &failure) < 0)
        sync_send_failure(sync, &failure);
    else
        sync_send(sync, SYNC_MAP_DONE, 0, -1);
    _exit(0);
}

/* A working directory goes along into a new mount namespace, a descriptor does not. */
static int go_there(struct options *options, struct failure *failure)
{
    if (options->directory < 0)
        return 0;
    if (fchdir(options->directory) < 0)
        return fail(failure, errno, "chdir", "directory");
    close(options->directory);
    return 0;
}

/*
 * Makes the working directory the root of a mount.  Whoever changes its root to a directory that is
 * none gets out of it with a directory that somebody moves away meanwhile: from there `..` leads
 * past the root.  The kernel sees to that for mounts alone (path_connected() in fs/namei.c).
 */
static int make_mount(struct failure *failure)
{
    cleanup_close int place = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int tree =
        place < 0 ? -1 : kernel_open_tree(place, "", K_OPEN_TREE_CLONE | K_AT_RECURSIVE);
    if (tree < 0 || kernel_move_mount(tree, place) < 0 || fchdir(tree) < 0)
        return fail(failure, errno, "mount", "directory");
    return 0;
}

static int enter(struct options *options, struct failure *failure)
{
    int sockets[2], fd;
    struct sync_message message;
    if (options->join >= 0) {
        if (setns(options->join, CLONE_NEWUSER) < 0)
            return fail(failure, errno, "join", "user namespace of the container");
        close(options->join);
        return 0;
    }
    if (options->uid_map == NULL && options->directory < 0)
        return 0;
    if (options->uid_map == NULL)
        return go_there(options, failure) < 0 ? -1 : namespace_unshare(CLONE_NEWNS, failure);
    pid_t parent = getpid();
    if (sync_pair(sockets) < 0)
        return fail(failure, errno, "make socket pair", "map");
    cleanup_close int sync = sockets[0];
    pid_t child = fork();
    if (child < 0) {
        close(sockets[1]);
        return fail(failure, errno, "fork", "map");
    }
    if (child == 0) {
        close(sync);
        map_parent(sockets[1], parent);
    }
    close(sockets[1]);
    if (go_there(options, failure) < 0 ||
        namespace_unshare(CLONE_NEWUSER | (options->mount ? CLONE_NEWNS : 0), failure) < 0)
        return -1;
    sync_send(sync, SYNC_MAP_WANTED, 0, -1);
    /* Still as the caller, see cover.h and view.h. */
    if (cover_open(&options->cover, failure) < 0)
        return -1;
    if (options->view.kind != NULL && view_open(&options->view, failure) < 0)
        return -1;
    int got = sync_receive(sync, &message, &fd, 0);
    drop_fd(&fd);
    /* Not the program's child: it would wait for it by surprise. */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got <= 0)
        return fail(failure, ECHILD, "map ids", "the mapping process has ended");
    if (message.type == SYNC_FAILED) {
        *failure = message.failure;
        return -1;
    }
    return 0;
}

static int become_root(const struct options *options, struct failure *failure)
{
    if (options->uid_map == NULL && options->join < 0 && options->directory < 0)
        return 0;
    if (!request.deny_setgroups && setgroups(0, NULL) < 0 && errno != EPERM)
        return fail(failure, errno, "setgroups", "no groups");
    if (setresgid(0, 0, 0) < 0)
        return fail(failure, errno, "setresgid", "0");
    if (setresuid(0, 0, 0) < 0)
        return fail(failure, errno, "setresuid", "0");
    /* Nothing mounted inside is seen outside. */
    if (options->mount && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail(failure, errno, "set propagation", "rslave on /");
    return 0;
}

/* Waits for the program instead of becoming it: fuse-overlayfs has to be ended
   after it. */
static int run(char **program, struct view *view, struct failure *failure)
{
    int status = 0;
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return complain((fail(failure, errno, "fork", "%s", program[0]), failure), 125);
    if (pid == 0) {
        lifeline_tie(parent);
        execvp(program[0], program);
        fail(failure, errno, "execute", "%s", program[0]);
        _exit(complain(failure, failure->errnum == ENOENT ? 127 : 126));
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    /* Else the mount would be busy for ever. */
    if (chdir("/") < 0)
        return 125;
    view_leave(view);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the caller locks, reads to the end of or wants to unmount: nothing ends newuidmap, which is
   not ours to kill, when the command has failed meanwhile. */
static void leave_caller(unsigned last)
{
    if (kernel_close_range(last + 1, ~0u, 0) < 0) {
        for (unsigned fd = last + 1; fd < 1024; fd++)
            close((int)fd);
    }
    (void)!chdir("/");
}

int userns_main(char **words)
{
    static struct failure failure;
    struct options options = {.join = -1, .directory = -1, .give = -1};
    if (!parse_options(words, &options) ||
        (options.uid_map != NULL &&
         (!parse_map(options.uid_map, request.uid, &request.uid_length) ||
          !parse_map(options.gid_map, request.gid, &request.gid_length)))) {
        fprintf(stderr, "tsman-native: userns: usage: userns --uid-map 'INSIDE OUTSIDE COUNT,...' "
                        "--gid-map ... [--newuidmap PATH --newgidmap PATH] [--deny-setgroups] "
                        "[--mount [--view KIND WORD...]] "
                        "[--directory DESCRIPTOR] [--cover DIRECTORY [--expose PATH]...]... "
                        "[--keep-fds] [--worker PARENT] -- PROGRAM [ARGUMENT...]\n"
                        "       userns --join DESCRIPTOR [--worker PARENT] -- PROGRAM "
                        "[ARGUMENT...]\n"
                        "       userns --worker PARENT -- PROGRAM [ARGUMENT...]\n"
                        "       userns --worker PARENT --uid-map ... --give DESCRIPTOR "
                        "[--network]\n");
        return 125;
    }
    if (options.worker_of > 0)
        lifeline_forbid_core();
    if (options.give >= 0) {
        lifeline_tie(options.worker_of);
        leave_caller((unsigned)options.give);
        return prepared_give(options.give, &request, options.network);
    }
    if (enter(&options, &failure) < 0 || become_root(&options, &failure) < 0)
        return complain(&failure, 125);
    /* Not before: a change of ids undoes it. */
    if (options.worker_of > 0)
        lifeline_tie(options.worker_of);
    if ((options.directory >= 0 && make_mount(&failure) < 0) ||
        cover_mount(&options.cover, &failure) < 0)
        return complain(&failure, 125);
    if (options.view.kind != NULL && view_enter(&options.view, &failure) < 0) {
        view_leave(&options.view);
        return complain(&failure, 125);
    }
    if (options.view.helper > 0)
        return run(options.program, &options.view, &failure);
    execvp(options.program[0], options.program);
    fail(&failure, errno, "execute", "%s", options.program[0]);
    return complain(&failure, failure.errnum == ENOENT ? 127 : 126);
}
