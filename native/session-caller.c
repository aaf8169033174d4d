#include "session-state.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "protocol.h"

/* What goes to the container.  Not the job control ones: Ctrl-Z stops us as it
   stops any other program. */
static const int proxied[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1,
                              SIGUSR2, SIGALRM, SIGVTALRM, SIGIO};
/* What ends us, and leaves the container running, with --sig-proxy=false. */
static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

void session_restore_terminal(struct session *session)
{
    if (session->is_raw)
        tcsetattr(session->terminal, TCSADRAIN, &session->found);
    session->is_raw = false;
}

int session_take_signals_over(struct session *session)
{
    const int *list = session->proxies ? proxied : ending;
    size_t count = session->proxies ? COUNT(proxied) : COUNT(ending);
    sigset_t wanted, blocked;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGWINCH);
    for (size_t i = 0; i < count; i++) {
        sigaddset(&wanted, list[i]);
        /* One that is ignored never comes, not even here. */
        signal(list[i], SIG_DFL);
    }
    blocked = wanted;
    sigaddset(&blocked, SIGPIPE);
    /* As Node's session, which must not let it open a debugger. */
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    session->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return session->signals < 0 ? -1 : 0;
}

static void send_number(struct session *session, uint32_t type, uint32_t number)
{
    uint8_t payload[4];
    proto_put_u32(payload, number);
    proto_send(&session->control, type, payload, sizeof(payload));
}

static void send_size(struct session *session)
{
    struct winsize size;
    /* A serial line says 0 by 0. */
    if (session->terminal >= 0 && ioctl(session->terminal, TIOCGWINSZ, &size) == 0 &&
        size.ws_row > 0 && size.ws_col > 0)
        send_number(session, TSMAN_MSG_RESIZE, size.ws_row | (uint32_t)size.ws_col << 16);
}

void session_enter_raw(struct session *session)
{
    if (!session->raw || session->terminal < 0 || tcgetattr(session->terminal, &session->found) < 0)
        return;
    struct termios raw = session->found;
    cfmakeraw(&raw);
    session->is_raw = tcsetattr(session->terminal, TCSADRAIN, &raw) == 0;
}

void session_take_signal(struct session *session, uint32_t number)
{
    if (number == SIGWINCH) {
        send_size(session);
        return;
    }
    const uint64_t bit = UINT64_C(1) << number;
    const uint64_t last = UINT64_C(1) << SIGINT | UINT64_C(1) << SIGTERM | UINT64_C(1) << SIGHUP;
    /* The program may run, and somebody have heard from it, before we know: the first is for it.
       Whoever sends another sees it not come to that. */
    if (!session->started && session->ready && !(bit & last && session->early & last)) {
        session->early |= bit;
        return;
    }
    if (!session->started && bit & last) {
        kill(session->monitor, SIGTERM);
        session_report(session, number == SIGINT    ? "interrupted-SIGINT"
                                : number == SIGTERM ? "interrupted-SIGTERM"
                                                    : "interrupted-SIGHUP");
    }
    if (!session->proxies)
        session_leave(session, 128 + (int)number);
    send_number(session, TSMAN_MSG_SIGNAL, number);
    /* A person may have sent it; else nobody is there to see how it goes on. */
    if (number == SIGHUP && session->terminal >= 0 && !isatty(session->terminal))
        session_leave(session, 128 + SIGHUP);
}
