/*
 * What the monitor knows, and its parts; only monitor*.c include this.
 *
 *   monitor.c           phases, the loop
 *   monitor-settings.c  the plan's settings, files
 *   monitor-children.c  stage 1, init, the network helper: start, deaths
 *   monitor-messages.c  what stage 1 and init say, and what is believed of it
 *   monitor-control.c   the caller's frames, the fifo's lines, signals
 *   monitor-attach.c    what clients of the attach socket send
 *   monitor-health.c    what comes of health checks
 *   monitor-end.c       exit file, killing and waiting for what is left
 *   monitor-memory.c    what the kernel kills for lack of memory
 *   monitor-ephemeral.c a container that goes with its caller
 *   monitor-confine.c   what is given up once the program runs
 *   monitor-leave.c     a container that goes on without its monitor
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup.h"
#include "event.h"
#include "health.h"
#include "io.h"
#include "net.h"
#include "plan.h"
#include "proto.h"
#include "rundir.h"

enum phase {
    SETTING_UP, /* until init has done its steps and the network is there */
    HOLDING,    /* READY was sent; START is awaited */
    LEAVING,    /* init was told to wait at its start pipe */
    STARTING,   /* init was told to execute the program */
    RUNNING,
    ENDED, /* init was waited for */
    LEFT,  /* init goes on without us */
};

/* What is needed after the plan is released. */
struct settings {
    char exit_file[1024], remove_tree[1024];
    char removed_mark[1024];
    char run_dir[1024];
    char stay[64]; /* of the file `initialized`; "": the caller stays until the start */
    bool is_exec;  /* a session in another container: its run directory goes with it */
    bool foreground, hold, with_stdin;
    bool ephemeral; /* it goes with its caller */
    bool start_pipes, leave;
    uint32_t preserve; /* descriptors from TSMAN_CONTROL_FD + 1 on */
    uint32_t timeout, stop_signal, stop_timeout;
    char **cleanup; /* one block of memory */
    /* Milliseconds: before a restart, a life that counts as long, before a restart
       after such a life. */
    bool restarts;
    uint32_t restart_delay, long_life, restart_delay_long;
    struct events events;
};

/* What other commands have asked of a program that is not there yet: see
   monitor_take_early(). */
struct early {
    uint64_t signals; /* bit N: signal N + 1 */
    bool stop;
    uint32_t milliseconds; /* of the stop: what it has until SIGKILL */
};

struct monitor {
    enum phase phase;
    struct proto control;
    struct plan plan;
    uint8_t *payload;
    size_t payload_size;
    struct settings settings;
    struct rundir rundir;
    struct io io;
    struct health health;
    struct net net;
    int target; /* pidfd of the process that an exec session joined, else -1 */
    int signals, stage_sync, init_sync; /* -1: closed */
    int orders;                         /* init's, see order.h */
    int start, started;                 /* START_PIPES; -1: none, or stage 1 has them */
    int console;                        /* CONSOLE_SOCKET; -1: none */
    int prepared;                       /* PREPARED; -1: none, or stage 1 has it */
    pid_t stage1, init;                 /* 0: none, or waited for */
    pid_t init_pid;
    struct {
        pid_t pid;
        int status;
    } unnamed;           /* a child that was waited for before stage 1 has named its init */
    uint64_t init_start; /* its start time */
    int init_status;
    bool init_ended, init_ready, net_ready, exit_written, exit_aside, start_sent, stop_asked;
    bool stage_exposed; /* stage 1 has nothing more to say */
    bool stage_forks;   /* what others may have asked for is not done for stage 1 any more */
    bool caller_asked;  /* by CALLER, and has not answered */
    bool has_terminal;  /* init has sent it */
    bool status_sent;
    unsigned warnings;   /* told of */
    size_t callers_told; /* CALLER steps */
    bool waits;          /* before its restart policy has its say */
    bool kept;           /* whoever has it stopped starts it again */
    bool restart_wanted; /* by a health check */
    bool killed;         /* init was sent SIGKILL by us */
    struct early early;
    struct cgroup cgroup;
    struct oom_counter oom;
    int64_t oom_told;            /* milliseconds of the monotonic clock; 0: never */
    int64_t started_at, kill_at; /* milliseconds of the monotonic clock; 0: never */
    struct failure failure;
    char control_line[128];
    size_t control_length;
};

/* Milliseconds of the monotonic clock. */
int64_t monitor_now(void);

/* monitor-settings.c */
int monitor_read_settings(struct monitor *monitor);
int monitor_open_files(struct monitor *monitor);

/* monitor-children.c */
int monitor_start_stage1(struct monitor *monitor);
/* A child has ended with this wait status. */
int monitor_take_child(struct monitor *monitor, pid_t pid, int status);

/* monitor-messages.c */
/* Everything that has come on a child's socket; closes it at its end. */
int monitor_take_messages(struct monitor *monitor, int *socket);
/* Where /proc hides what may not be traced (its option hidepid), init shows itself only when it is
   the program: looks again, and fails where nobody will later. */
int monitor_note_start_time(struct monitor *monitor, bool is_program);

/* monitor-control.c */
void monitor_signal_init(struct monitor *monitor, uint32_t number);
void monitor_kill_after(struct monitor *monitor, uint32_t milliseconds);
/* To a program that runs now: what it was sent since its set-up began.  Killing it before
   would make a start fail that has only been overtaken by another command, so that its end
   comes after its beginning, as it would have with a start that was a little faster. */
void monitor_take_early(struct monitor *monitor);
/* The time that `kill_at` says has come.  Returns -1 when the start has taken too long for
   who asked for the end. */
int monitor_end_patience(struct monitor *monitor);
void monitor_resize(const struct monitor *monitor, uint16_t rows, uint16_t columns);
/* The caller's descriptors are given up; the container goes on, into its log. */
void monitor_leave_caller(struct monitor *monitor);
void monitor_null_streams(void);
int monitor_take_frames(struct monitor *monitor);
void monitor_take_control_lines(struct monitor *monitor);
/* SIGTERM and SIGCHLD, from the signalfd. */
int monitor_take_signals(struct monitor *monitor);

/* monitor-attach.c: `fds` are the attach socket's own. */
void monitor_take_clients(struct monitor *monitor, const struct pollfd *fds);

/* monitor-restart.c */
/* Waits until the restart policy may have its say; false when the container was asked
   to stop: then it has none. */
bool monitor_wait_restart(struct monitor *monitor);

/* monitor-health.c */
/* Moves the checks on, and does what they ask for. */
void monitor_pump_health(struct monitor *monitor);

/* monitor-memory.c */
/* The kernel has killed something: says so to whoever should know. */
void monitor_take_oom(struct monitor *monitor);

/* monitor-end.c */
/* The exit file of an earlier life: put aside before the program is executed, so
   that nobody takes it for the end of this one, and forgotten when it was; a start
   that fails puts it back. */
void monitor_set_exit_aside(struct monitor *monitor);
void monitor_forget_exit(struct monitor *monitor);
void monitor_write_exit(struct monitor *monitor);
/* After a failed start: nothing is left; FAILED says why.  Returns the exit status. */
int monitor_give_up(struct monitor *monitor);
void monitor_finish(struct monitor *monitor);
/* Removes what the caller's ids may, and marks that it is gone; false when something is
   left, or there is no mark to make. */
bool monitor_remove_container(struct monitor *monitor);

/* monitor-leave.c */
/* START_PIPES and CONSOLE_SOCKET. */
int monitor_open_ends(struct monitor *monitor);
/* Gives the pty's master away. */
int monitor_send_console(struct monitor *monitor, int master);
/* Init is somebody else's from here on. */
void monitor_leave(struct monitor *monitor);

/* monitor-confine.c */
/* A second wall, should the container's bytes ever get the better of us: from here on no
   more of the file system can be reached than what is left to do takes, and no network.
   Not where a program is to be executed later, nor on a kernel without Landlock. */
void monitor_confine(struct monitor *monitor);

/* monitor-ephemeral.c */
enum aftermath { NOTHING_LEFT, CLEANUP_LEFT /* CLEANUP is to be executed */ };
/* After the exit: waits for the caller's end, and removes the container. */
enum aftermath monitor_end_ephemeral(struct monitor *monitor);
