#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "lifeline.h"
#include "memory.h"
#include "monitor-state.h"
#include "order.h"
#include "protocol.h"
#include "self.h"
#include "sync.h"
#include "verify.h"

static int started(struct monitor *monitor)
{
    if (monitor->init > 0 && verify_program(&monitor->plan, monitor->init, &monitor->failure) < 0)
        return -1;
    if (monitor_note_start_time(monitor, true) < 0)
        return -1;
    drop_fd(&monitor->orders);
    monitor->phase = RUNNING;
    monitor->started_at = monitor_now();
    monitor_forget_exit(monitor);
    rundir_end_stay(&monitor->rundir);
    /* Before the caller may ask for a check. */
    health_begin(&monitor->health, monitor->init, monitor->init_start, monitor_now());
    /* Told by whoever knows first: in this order, though the program may be over before
       the caller has heard of its start. */
    event_write(&monitor->settings.events, monitor->settings.is_exec ? "exec" : "start", "");
    proto_send(&monitor->control, TSMAN_MSG_STARTED, NULL, 0);
    monitor->kill_at = 0;
    if (monitor->settings.timeout > 0)
        monitor_kill_after(monitor, monitor->settings.timeout);
    monitor_take_early(monitor);
    if (!monitor->settings.foreground)
        monitor_leave_caller(monitor);
    if (monitor->cgroup.directory < 0)
        oom_begin(&monitor->oom, monitor->init);
    /* Megabytes at most, and not needed any more. */
    plan_release(&monitor->plan);
    munmap(monitor->payload, monitor->payload_size);
    monitor->payload = NULL;
    monitor_confine(monitor);
    return 0;
}

static int advance(struct monitor *monitor)
{
    if (monitor->phase == SETTING_UP && monitor->init_ready && monitor->net_ready &&
        monitor->init > 0) {
        monitor->phase = HOLDING;
        /* Says nothing, and so not who says it: see order.h. */
        if (monitor->stage_sync >= 0)
            shutdown(monitor->stage_sync, SHUT_WR);
        if ((monitor->settings.stay[0] != '\0' || monitor->settings.start_pipes) &&
            monitor_note_start_time(monitor, false) < 0)
            return -1;
        if (monitor->settings.stay[0] != '\0' &&
            rundir_begin_stay(&monitor->rundir, monitor->settings.stay, &monitor->failure) < 0)
            return -1;
        event_write(&monitor->settings.events, "init", "");
        proto_send(&monitor->control, TSMAN_MSG_READY, NULL, 0);
        /* There is no program to wait for. */
        if (monitor->settings.stay[0] != '\0')
            monitor_take_early(monitor);
    }
    /* Not before stage 1 is gone: it is dumpable for the network helper's sake, holds
       directories of the host, and with the host's pid namespace the program would see
       it (CVE-2016-9962). */
    if (monitor->phase == HOLDING && !monitor->settings.hold && monitor->stage1 == 0 &&
        monitor->settings.start_pipes) {
        /* Whoever starts it looks at the rest. */
        if (verify_namespaces(&monitor->plan, monitor->init, &monitor->failure) < 0)
            return -1;
        monitor->phase = LEAVING;
        if (order_give_type(monitor->orders, ORDER_LEAVE, &monitor->failure) < 0)
            return -1;
    }
    if (monitor->phase == HOLDING && !monitor->settings.hold && monitor->stage1 == 0) {
        monitor->phase = STARTING;
        monitor_set_exit_aside(monitor);
        if (order_give_type(monitor->orders, ORDER_START, &monitor->failure) < 0)
            return -1;
    }
    if (monitor->phase == STARTING && monitor->init_sync < 0) {
        if (started(monitor) < 0)
            return -1;
        if (monitor->settings.leave)
            monitor_leave(monitor);
    }
    if (monitor->phase == RUNNING && monitor->init_ended) {
        monitor->phase = ENDED;
        monitor->kill_at = 0;
        io_finish(&monitor->io);
    }
    return 0;
}

/* Of two timeouts as of poll(2). */
static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int poll_timeout(const struct monitor *monitor)
{
    int64_t now = monitor_now();
    int timeout = sooner(attach_timeout(&monitor->io.attach, now), io_timeout(&monitor->io, now));
    timeout = sooner(timeout, health_timeout(&monitor->health, now));
    if (monitor->kill_at == 0)
        return timeout;
    int64_t left = monitor->kill_at - now;
    return sooner(timeout, left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left);
}

static void take_io(struct monitor *monitor, const struct pollfd *fds)
{
    struct io *io = &monitor->io;
    attach_flush(&io->attach, monitor_now());
    io_pump(io, fds);
    io_type_end(io, monitor_now());
    monitor_take_clients(monitor, fds + io->attach_slot);
    if (io->log_error != 0) {
        char text[128];
        snprintf(text, sizeof(text), "write log: %s; output is missing there",
                 strerror(io->log_error));
        proto_send_warning(&monitor->control, text);
        io->log_error = 0;
    }
    if (io->detached) {
        io->detached = false;
        proto_send(&monitor->control, TSMAN_MSG_DETACHED, NULL, 0);
        monitor_leave_caller(monitor);
    }
}

/* The kernel kills the program with its pid namespace, unless that is the host's. */
static int target_ended(struct monitor *monitor)
{
    drop_fd(&monitor->target);
    if (monitor->phase < RUNNING)
        return fail(&monitor->failure, ESRCH, "join", "process: it has ended");
    monitor_signal_init(monitor, SIGKILL);
    return 0;
}

enum { SIGNALS, CONTROL, FIFO, STAGE, INIT, NET_READY, NET_ERRORS, TARGET, MEMORY, FIXED };

static int turn(struct monitor *monitor)
{
    struct pollfd fds[FIXED + IO_POLLFDS + HEALTH_POLLFDS];
    int fixed[FIXED] = {monitor->signals,
                        monitor->control.fd,
                        monitor->rundir.control,
                        monitor->stage_sync,
                        monitor->init_sync,
                        monitor->net.ready,
                        monitor->net.helper.errors,
                        monitor->target,
                        monitor->oom.is_own ? monitor->oom.events : -1};
    for (int i = 0; i < FIXED; i++)
        fds[i] = (struct pollfd){.fd = fixed[i], .events = POLLIN};
    /* The way of files that notify; they can be read at any time. */
    fds[MEMORY].events = POLLPRI;
    size_t count = FIXED + io_prepare_poll(&monitor->io, fds + FIXED);
    count += health_prepare_poll(&monitor->health, fds + count);
    if (poll(fds, count, poll_timeout(monitor)) < 0)
        return errno == EINTR ? 0 : fail(&monitor->failure, errno, "poll", "descriptors");

    /* Before what tells of an end: that may be why. */
    if (fds[MEMORY].revents)
        monitor_take_oom(monitor);
    if (fds[STAGE].revents && monitor_take_messages(monitor, &monitor->stage_sync) < 0)
        return -1;
    if (fds[INIT].revents && monitor_take_messages(monitor, &monitor->init_sync) < 0)
        return -1;
    if (fds[NET_READY].revents && monitor->net.ready >= 0 && net_check_ready(&monitor->net))
        monitor->net_ready = true;
    if (fds[NET_ERRORS].revents)
        spawn_drain(&monitor->net.helper);
    if (fds[CONTROL].revents && monitor_take_frames(monitor) < 0)
        return -1;
    if (fds[FIFO].revents)
        monitor_take_control_lines(monitor);
    take_io(monitor, fds + FIXED);
    if (fds[SIGNALS].revents && monitor_take_signals(monitor) < 0)
        return -1;
    if (fds[TARGET].revents && target_ended(monitor) < 0)
        return -1;
    if (monitor->kill_at != 0 && monitor_now() >= monitor->kill_at &&
        monitor_end_patience(monitor) < 0)
        return -1;
    if (advance(monitor) < 0)
        return -1;
    monitor_pump_health(monitor);
    if (monitor->phase == ENDED && io_logged(&monitor->io))
        monitor_write_exit(monitor);
    return 0;
}

static int open_signals(struct monitor *monitor)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    monitor->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return monitor->signals < 0 ? fail(&monitor->failure, errno, "signalfd", "SIGCHLD") : 0;
}

/* Nothing else that the caller has left open gets into the container. */
static int close_inherited(struct monitor *monitor)
{
    const struct plan_record *record = plan_setting(&monitor->plan, TSMAN_SET_PRESERVE);
    unsigned first = TSMAN_CONTROL_FD + 1;
    unsigned count = record ? (unsigned)plan_number(record, 0) : 0;
    for (unsigned i = 0; i < count; i++) {
        if (fcntl((int)(first + i), F_SETFD, FD_CLOEXEC) < 0)
            return fail(&monitor->failure, errno, "preserve", "descriptor %u", 3 + i);
    }
    monitor->settings.preserve = count;
    if (count == 0 && plan_setting(&monitor->plan, TSMAN_SET_PREPARED) != NULL &&
        fcntl((int)first, F_SETFD, FD_CLOEXEC) == 0)
        monitor->prepared = (int)first++;
    if (kernel_close_range(first + count, ~0u, 0) < 0) {
        for (unsigned fd = first + count; fd < 1024; fd++)
            close((int)fd);
    }
    return open_signals(monitor);
}

static int set_up(struct monitor *monitor, char **argv)
{
    if (proto_read_launch(&monitor->control, &monitor->payload, &monitor->payload_size,
                          &monitor->failure) < 0 ||
        plan_parse(&monitor->plan, monitor->payload, monitor->payload_size, &monitor->failure) < 0)
        return -1;
    if (close_inherited(monitor) < 0)
        return -1;
    const struct plan_record *id = plan_setting(&monitor->plan, TSMAN_SET_ID);
    if (id != NULL)
        self_title(argv, id->argv[0]);
    monitor->net_ready = plan_setting(&monitor->plan, TSMAN_SET_NETWORK) == NULL;
    if (monitor_read_settings(monitor) < 0 || monitor_open_files(monitor) < 0 ||
        monitor_start_stage1(monitor) < 0)
        return -1;
    if (plan_setting(&monitor->plan, TSMAN_SET_PASSTHROUGH) != NULL)
        monitor_null_streams();
    else if (monitor->settings.foreground && plan_setting(&monitor->plan, TSMAN_SET_TTY) == NULL)
        io_connect_caller(&monitor->io, monitor->settings.with_stdin);
    /* Not to keep a file system of the caller's busy. */
    if (chdir("/") < 0)
        return fail(&monitor->failure, errno, "chdir", "/");
    return 0;
}

static void prepare_process(void)
{
    sigset_t all;
    prctl(PR_SET_NAME, "tsman-monitor");
    lifeline_forbid_core();
    fcntl(TSMAN_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    /* All signals but two are ignored by never being taken: a hang-up of the
       terminal, SIGUSR1, SIGPIPE. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    /* Out of the caller's session: the end of its terminal is not ours. */
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    umask(0077);
}

int monitor_main(char **argv)
{
    static struct monitor monitor;
    monitor.control.fd = TSMAN_CONTROL_FD;
    monitor.target = monitor.signals = monitor.stage_sync = monitor.init_sync = -1;
    monitor.orders = monitor.start = monitor.started = -1;
    monitor.console = monitor.prepared = -1;
    monitor.failure.step = -1;
    rundir_init(&monitor.rundir);
    io_init(&monitor.io);
    health_init(&monitor.health);
    monitor.health.cgroup = &monitor.cgroup;
    monitor.oom.events = -1;
    cgroup_init(&monitor.cgroup);
    net_init(&monitor.net);
    if (fcntl(TSMAN_CONTROL_FD, F_GETFD) < 0) {
        fprintf(stderr, "tsman-native: monitor: descriptor 3 is not the control socket\n");
        return 125;
    }
    /* First of all, with the control socket kept open for the copy. */
    if (self_seal(argv, &monitor.failure) < 0) {
        /* Read, though of no use: what is left unread in a socket when it is closed makes
           the caller's next look an ECONNRESET, and FAILED is not seen (unix(7)). */
        struct failure ignored = {0};
        proto_read_launch(&monitor.control, &monitor.payload, &monitor.payload_size, &ignored);
        return monitor_give_up(&monitor);
    }
    prepare_process();
    if (set_up(&monitor, argv) < 0)
        return monitor_give_up(&monitor);
    while (monitor.phase != ENDED || !io_done(&monitor.io)) {
        if (turn(&monitor) < 0)
            return monitor_give_up(&monitor);
        if (monitor.phase == LEFT)
            return 0;
    }
    monitor_finish(&monitor);
    return 0;
}
