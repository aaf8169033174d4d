/* What the parts of the session share: session.c begins, hears the monitor and ends,
   session-start.c starts the monitor, session-caller.c looks after the caller's terminal and
   signals. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "plan.h"
#include "proto.h"

/* Type and length of what follows, 32 bits each. */
#define FRAME_HEADER 8u

struct session {
    struct proto control;
    struct plan plan;
    uint8_t *frame; /* the LAUNCH frame, its header included */
    size_t frame_size;
    const char *id;
    char **again; /* the command line to become for a report */
    pid_t monitor;
    int prepared; /* PREPARED: its socket until the monitor has it, or -1 … */
    pid_t giver;  /* … and who sends there, until it was waited for, or 0 */
    int signals;
    int terminal; /* one of 0 to 2; -1: none, or the container has no use for it */
    bool proxies, raw, prints_id, is_raw;
    bool kept;           /* not to be removed */
    bool ready, started; /* from `ready` on the program may run: it is not tried again */
    uint64_t early;      /* bit N: signal N came between READY and STARTED */
    struct termios found;
};

/* Ends, with the terminal as it was found and nobody of Node's left. */
_Noreturn void session_leave(struct session *session, int status);

/* Becomes the command line of old, which knows how to explain things. */
_Noreturn void session_report(struct session *session, const char *why);

/* Reads the LAUNCH frame of PATH and removes the file.  -1: it is none. */
int session_read_launch(struct session *session, const char *path);

/* What SET_SESSION and SET_PREPARED of the plan say.  -1: there is no SET_SESSION. */
int session_read_options(struct session *session);

/* Forks the monitor and sends it the frame.  -1: there is no monitor; that one has ended says its
   socket. */
int session_start_monitor(struct session *session);

/* From here on signals are read from `signals`.  -1: they cannot be. */
int session_take_signals_over(struct session *session);

/* One that was read there, or kept in `early`. */
void session_take_signal(struct session *session, uint32_t number);

/* Where the container has a terminal, the caller's passes every key on, until it is restored. */
void session_enter_raw(struct session *session);
void session_restore_terminal(struct session *session);
