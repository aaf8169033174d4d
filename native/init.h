/*
 * The container's first process: executes the steps of the plan, in order, then
 * the user's program.  Everything here and in step-*.c, user*.c, process*.c,
 * privileges.c, execute.c and pty.c runs in it: in all of the container's namespaces,
 * as root of its user namespace, not dumpable; in a pid namespace that is joined the first steps
 * are done by stage 1, see outside.h.
 */
#pragma once

#include <stdbool.h>

#include "channels.h"
#include "plan.h"
#include "user.h"

struct init {
    const struct plan *plan;
    struct channels channels;
    bool departed;  /* the monitor has left: `sync` is what `started` was, and takes frames, as in
                       protocol.h */
    bool untied;    /* we do not end with the monitor */
    int program[3]; /* descriptors for 0, 1, 2, or -1 */
    struct failure failure;
    size_t next;     /* step */
    bool is_outside; /* still stage 1, see outside.h */

    int root;      /* O_PATH: where container paths begin; -1 in phase 1 */
    int old_root;  /* O_PATH: the host's, between ENTER_ROOT and PIVOT */
    int proc_self; /* O_PATH: our directory in the host's /proc, until PIVOT; for
                      mount(2) on kernels without move_mount(2), see mounting.h */
    int new_root;  /* O_PATH: made by ROOT_*, consumed by ENTER_ROOT */
    int self;      /* O_PATH: our program, until EXEC; for --init */
    struct left_open {
        const char *path; /* as the step names it */
        int mount;
    } * left_open; /* mounts that a CHANGE_MOUNT is yet to make read-only */
    size_t left_open_count;
    int masked_directory; /* O_PATH: a first read-only tmpfs, to be cloned */
    int status;           /* our own in the host's /proc, until it is verified */
    bool is_unverified;

    bool wants_tty, console;
    int tty; /* slave of the pty */

    struct user user;
    bool has_user, has_groups; /* looked up; set */
    char **environment;        /* NULL-terminated; from ENV, HOME added */
    const struct plan_record *capabilities, *seccomp;
    bool no_new_privileges;
    const char *late_directory; /* CHDIR that has to wait for the change of ids */

    /* EXEC applies what earlier steps asked for; a failure is theirs then. */
    const struct plan_record *blamed;
    bool is_executing; /* only execve(2) itself is left */
};

/* `channels` are owned.  There is one init in a process. */
struct init *init_begin(const struct plan *plan, const struct channels *channels,
                        const int program[3]);

/* The steps up to `end`; one that fails ends the process. */
void init_steps(struct init *init, size_t end);

/* All that are left.  `sees_host`: as of verify_begin(). */
_Noreturn void init_run(struct init *init, bool sees_host);

/* Tells of the failure, as one of `step` or of none, and ends. */
_Noreturn void init_give_up(struct init *init, const struct plan_record *step);

/* Says something to the caller and goes on. */
void init_warn(const struct init *init, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
