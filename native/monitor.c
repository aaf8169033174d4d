#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "kernel.h"
#include "map.h"
#include "memory.h"
#include "net.h"
#include "number.h"
#include "plan.h"
#include "proto.h"
#include "protocol.h"
#include "rmtree.h"
#include "rundir.h"
#include "self.h"
#include "stage1.h"
#include "sync.h"

enum phase {
    SETTING_UP, /* until init has done its steps and the network is there */
    HOLDING,    /* READY was sent; START is awaited */
    STARTING,   /* init was told to execute the program */
    RUNNING,
    ENDED, /* init was waited for */
};

/* What is needed after the plan is released. */
struct settings {
    char exit_file[1024], remove_tree[1024];
    bool foreground, hold, with_stdin;
    uint32_t timeout, stop_signal, stop_timeout;
    char **cleanup; /* one block of memory */
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
    struct net net;
    int signals, stage_sync, init_sync; /* -1: closed */
    pid_t stage1, init;                 /* 0: none, or waited for */
    pid_t init_pid;
    int init_status;
    bool init_ended, init_ready, net_ready, exit_written, start_sent;
    int64_t kill_at; /* milliseconds of the monotonic clock; 0: never */
    struct failure failure;
    char control_line[128];
    size_t control_length;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- start ---------------------------------------------------------------- */

static char **copy_argv(const struct plan_record *record)
{
    size_t size = (record->argc + 1u) * sizeof(char *);
    for (unsigned i = 0; i < record->argc; i++)
        size += record->length[i] + 1;
    char **argv = calloc(1, size);
    if (argv == NULL)
        return NULL;
    char *text = (char *)(argv + record->argc + 1);
    for (unsigned i = 0; i < record->argc; i++) {
        memcpy(text, record->argv[i], record->length[i] + 1);
        argv[i] = text;
        text += record->length[i] + 1;
    }
    return argv;
}

/* Paths of settings outlive the plan. */
static int copy_path(const struct plan *plan, uint16_t op, char path[1024], struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, op);
    if (record == NULL)
        return 0;
    if (record->length[0] >= 1024)
        return fail(failure, ENAMETOOLONG, "open", "%s", record->argv[0]);
    memcpy(path, record->argv[0], record->length[0] + 1);
    return 0;
}

static int read_settings(struct monitor *monitor)
{
    const struct plan *plan = &monitor->plan;
    struct settings *settings = &monitor->settings;
    struct failure *failure = &monitor->failure;
    const struct plan_record *record;
    settings->foreground = plan_setting(plan, TSMAN_SET_FOREGROUND) != NULL;
    settings->hold = plan_setting(plan, TSMAN_SET_HOLD) != NULL;
    settings->with_stdin = plan_setting(plan, TSMAN_SET_STDIN) != NULL;
    settings->stop_signal = SIGTERM;
    settings->stop_timeout = 10000;
    if ((record = plan_setting(plan, TSMAN_SET_STOP)) != NULL) {
        settings->stop_signal = (uint32_t)plan_number(record, 0);
        settings->stop_timeout = (uint32_t)plan_number(record, 1);
    }
    if ((record = plan_setting(plan, TSMAN_SET_TIMEOUT)) != NULL)
        settings->timeout = (uint32_t)plan_number(record, 0);
    if (copy_path(plan, TSMAN_SET_EXIT_FILE, settings->exit_file, failure) < 0 ||
        copy_path(plan, TSMAN_SET_REMOVE_TREE, settings->remove_tree, failure) < 0)
        return -1;
    if ((record = plan_setting(plan, TSMAN_SET_CLEANUP)) != NULL &&
        (settings->cleanup = copy_argv(record)) == NULL)
        return fail(failure, ENOMEM, "read settings", "cleanup");
    if ((record = plan_setting(plan, TSMAN_SET_DETACH_KEYS)) != NULL)
        detach_keys_set(&monitor->io.detach, record->argv[0], record->length[0]);
    return 0;
}

static int open_files(struct monitor *monitor)
{
    const struct plan *plan = &monitor->plan;
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_RUN_DIR);
    if (record != NULL && rundir_open(&monitor->rundir, record->argv[0], &monitor->failure) < 0)
        return -1;
    record = plan_setting(plan, TSMAN_SET_LOG);
    if (record != NULL && log_open(&monitor->io.log, record->argv[0], plan_number(record, 1),
                                   (unsigned)plan_number(record, 2)) < 0)
        return fail(&monitor->failure, errno, "open log", "%s", record->argv[0]);
    return 0;
}

/* The outside id of the container's root, or -1. */
static int64_t mapped_root(const struct plan *plan, uint16_t op)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, op, &position)) != NULL) {
        for (unsigned i = 0; i + 2 < record->argc; i += 3) {
            if (plan_number(record, i) == 0)
                return (int64_t)plan_number(record, i + 1);
        }
    }
    return -1;
}

static void null_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

_Noreturn static void become_stage1(struct monitor *monitor, const struct stage1 *stage1)
{
    /* What the container's processes have no business with (S24): they inherit
       only what is close-on-exec and needed until then. */
    drop_fd(&monitor->control.fd);
    drop_fd(&monitor->signals);
    drop_fd(&monitor->stage_sync);
    drop_fd(&monitor->init_sync);
    drop_fd(&monitor->rundir.lock);
    drop_fd(&monitor->rundir.control);
    drop_fd(&monitor->rundir.directory);
    drop_fd(&monitor->io.in.sink);
    drop_fd(&monitor->io.out.source);
    drop_fd(&monitor->io.err.source);
    log_close(&monitor->io.log);
    null_streams();
    stage1_run(stage1);
}

static int start_stage1(struct monitor *monitor)
{
    struct failure *failure = &monitor->failure;
    struct stage1 stage1 = {
        .plan = &monitor->plan, .is_root = geteuid() == 0, .program = {-1, -1, -1}};
    int stage_pair[2], init_pair[2];
    if (plan_setting(&monitor->plan, TSMAN_SET_TTY) == NULL &&
        io_make_pipes(&monitor->io, monitor->settings.with_stdin, stage1.program) < 0)
        return fail(failure, errno, "make pipes", "standard streams");
    int64_t root = stage1.is_root ? mapped_root(&monitor->plan, TSMAN_SET_UID_MAP) : -1;
    for (int i = 0; i < 3; i++) {
        /* Root's own pipe would not be the container root's to give on; for any
           other caller the two are the same. */
        if (root >= 0 && stage1.program[i] >= 0)
            (void)!fchown(stage1.program[i], (uid_t)root, (gid_t)-1);
    }
    if (sync_pair(stage_pair) < 0)
        return fail(failure, errno, "make socket pair", "stage 1");
    monitor->stage_sync = stage_pair[0];
    stage1.sync = stage_pair[1];
    if (sync_pair(init_pair) < 0)
        return fail(failure, errno, "make socket pair", "init");
    monitor->init_sync = init_pair[0];
    stage1.init_sync = init_pair[1];

    pid_t pid = fork();
    if (pid == 0)
        become_stage1(monitor, &stage1);
    int error = errno;
    close(stage1.sync);
    close(stage1.init_sync);
    for (int i = 0; i < 3; i++) {
        if (stage1.program[i] >= 0)
            close(stage1.program[i]);
    }
    if (pid < 0)
        return fail(failure, error, "fork", "stage 1");
    monitor->stage1 = pid;
    return 0;
}

static int apply_maps(struct monitor *monitor)
{
    static struct map_request request;
    const struct plan *plan = &monitor->plan;
    const struct plan_record *record;
    for (int i = 0; i < 2; i++) {
        size_t position = 0;
        uint16_t op = i == 0 ? TSMAN_SET_UID_MAP : TSMAN_SET_GID_MAP;
        while ((record = plan_next(plan, op, &position)) != NULL) {
            for (unsigned n = 0; n < record->argc; n += 3) {
                char **line = record->argv + n;
                if (map_add(i == 0 ? request.uid : request.gid,
                            i == 0 ? &request.uid_length : &request.gid_length, line[0], line[1],
                            line[2]) < 0) {
                    failure_stage(&monitor->failure, "map");
                    return fail(&monitor->failure, E2BIG, "map ids", "too many ranges");
                }
            }
        }
    }
    if ((record = plan_setting(plan, TSMAN_SET_MAP_TOOLS)) != NULL) {
        request.newuidmap = record->argv[0];
        request.newgidmap = record->argv[1];
    }
    request.deny_setgroups = plan_setting(plan, TSMAN_SET_SETGROUPS_DENY) != NULL;
    if (map_apply(monitor->stage1, &request, &monitor->failure) < 0)
        return -1;
    sync_send(monitor->stage_sync, SYNC_MAP_DONE, 0, -1);
    return 0;
}

/*
 * A path that root may open but stage 1, in its new user namespace, may not.  A
 * child of ours joins its mount namespace, since a descriptor of any other could
 * not be mounted, and answers in our place.
 */
static int open_for_stage1(struct monitor *monitor, int32_t index)
{
    if (index < 0 || (size_t)index >= monitor->plan.settings_count ||
        monitor->plan.settings[index].op != TSMAN_SET_OPEN)
        return fail(&monitor->failure, EPROTO, "open", "setting %d", index);
    const struct plan_record *record = &monitor->plan.settings[index];
    pid_t pid = fork();
    if (pid < 0)
        return fail(&monitor->failure, errno, "fork", "to open %s", record->argv[1]);
    if (pid > 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return 0;
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)monitor->stage1);
    int namespace = open(path, O_RDONLY | O_CLOEXEC), fd = -1;
    if (namespace >= 0 && setns(namespace, CLONE_NEWNS) == 0)
        fd = open(record->argv[1], O_PATH | O_CLOEXEC);
    sync_send(monitor->stage_sync, SYNC_OPENED, fd < 0 ? errno : 0, fd);
    _exit(0);
}

/* ---- messages of the children ---------------------------------------------- */

static int note_init(struct monitor *monitor, pid_t pid)
{
    uint64_t start_time = process_start_time(pid);
    const struct plan_record *pid_file = plan_setting(&monitor->plan, TSMAN_SET_PID_FILE);
    monitor->init = monitor->init_pid = pid;
    if (rundir_write_init(&monitor->rundir, pid, start_time, &monitor->failure) < 0)
        return -1;
    if (pid_file != NULL && rundir_write_pid_file(pid_file->argv[0], pid, &monitor->failure) < 0)
        return -1;
    proto_send_created(&monitor->control, pid, start_time);
    return 0;
}

static int take_message(struct monitor *monitor, struct sync_message *message, int fd)
{
    const struct plan_record *record;
    switch (message->type) {
    case SYNC_MAP_WANTED:
        return apply_maps(monitor);
    case SYNC_OPEN_WANTED:
        return open_for_stage1(monitor, message->value);
    case SYNC_NET_WANTED:
        record = plan_setting(&monitor->plan, TSMAN_SET_NETWORK);
        if (net_start(&monitor->net, record, monitor->stage1, monitor->rundir.directory,
                      &monitor->failure) < 0) {
            failure_stage(&monitor->failure, "network");
            return -1;
        }
        return 0;
    case SYNC_INIT_PID:
        return note_init(monitor, message->value);
    case SYNC_TTY:
        io_set_terminal(&monitor->io, fd);
        if (monitor->settings.foreground)
            io_connect_caller(&monitor->io, monitor->settings.with_stdin);
        return 0;
    case SYNC_WARNING:
        message->text[sizeof(message->text) - 1] = '\0';
        proto_send_warning(&monitor->control, message->text);
        return 0;
    case SYNC_INIT_READY:
        monitor->init_ready = true;
        return 0;
    case SYNC_FAILED:
        monitor->failure = message->failure;
        return -1;
    default:
        return fail(&monitor->failure, EPROTO, "receive", "message %u", message->type);
    }
}

/* Everything that has come on a child's socket; closes it at its end. */
static int take_messages(struct monitor *monitor, int *socket)
{
    struct sync_message message;
    while (*socket >= 0) {
        int fd;
        int got = sync_receive(*socket, &message, &fd, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0) {
            drop_fd(socket);
            return 0;
        }
        int result = take_message(monitor, &message, fd);
        if (message.type != SYNC_TTY)
            drop_fd(&fd);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* ---- signals and commands --------------------------------------------------- */

static void signal_init(const struct monitor *monitor, uint32_t number)
{
    if (monitor->init > 0 && number < NSIG)
        kill(monitor->init, (int)number);
}

static void kill_after(struct monitor *monitor, uint32_t milliseconds)
{
    int64_t at = now_ms() + milliseconds;
    if (monitor->kill_at == 0 || at < monitor->kill_at)
        monitor->kill_at = at;
}

static void stop(struct monitor *monitor, uint32_t number, uint32_t milliseconds)
{
    signal_init(monitor, number);
    kill_after(monitor, milliseconds);
}

static void resize(const struct monitor *monitor, uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (monitor->io.tty && monitor->io.out.source >= 0)
        ioctl(monitor->io.out.source, (int)TIOCSWINSZ, &size);
}

static void leave_caller(struct monitor *monitor)
{
    io_disconnect_caller(&monitor->io);
    null_streams();
}

static int take_frames(struct monitor *monitor)
{
    struct proto_frame frame;
    int got;
    while ((got = proto_next(&monitor->control, &frame)) > 0) {
        const uint8_t *p = frame.payload;
        if (frame.type == TSMAN_MSG_START && monitor->phase == HOLDING)
            monitor->settings.hold = false;
        else if (frame.type == TSMAN_MSG_SIGNAL && frame.length == 4)
            signal_init(monitor, proto_u32(p));
        else if (frame.type == TSMAN_MSG_RESIZE && frame.length == 4)
            resize(monitor, proto_u16(p), proto_u16(p + 2));
        else if (frame.type == TSMAN_MSG_STOP && frame.length == 8)
            stop(monitor, proto_u32(p), proto_u32(p + 4));
    }
    if (got == 0)
        return 0;
    /* The caller is gone.  A container that it did not see start is not wanted by
       anybody; a running one goes on, into its log. */
    if (monitor->phase < RUNNING)
        return fail(&monitor->failure, ECONNRESET, "start", "container: the caller is gone");
    leave_caller(monitor);
    return 0;
}

static void take_control_line(struct monitor *monitor, char *line)
{
    uint64_t numbers[2] = {0, 0};
    char *rest = NULL;
    const char *verb = strtok_r(line, " \t\r", &rest);
    int count = 0;
    for (const char *word; (word = strtok_r(NULL, " \t\r", &rest)) != NULL; count++) {
        if (count == 2 || !number_parse(word, 10, UINT32_MAX, &numbers[count]))
            return;
    }
    if (verb == NULL)
        return;
    if (strcmp(verb, "signal") == 0 && count == 1)
        signal_init(monitor, (uint32_t)numbers[0]);
    else if (strcmp(verb, "stop") == 0 && count == 2)
        stop(monitor, (uint32_t)numbers[0], (uint32_t)numbers[1]);
    else if (strcmp(verb, "stop") == 0 && count == 0)
        stop(monitor, monitor->settings.stop_signal, monitor->settings.stop_timeout);
    else if (strcmp(verb, "resize") == 0 && count == 2)
        resize(monitor, (uint16_t)numbers[0], (uint16_t)numbers[1]);
}

static void take_control_lines(struct monitor *monitor)
{
    char chunk[128];
    ssize_t got;
    while ((got = read(monitor->rundir.control, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            size_t room = sizeof(monitor->control_line) - 1;
            if (chunk[i] != '\n') {
                /* The rest of a line that is too long makes it invalid. */
                if (monitor->control_length < room)
                    monitor->control_line[monitor->control_length++] = chunk[i];
                else
                    monitor->control_line[0] = '?';
                continue;
            }
            monitor->control_line[monitor->control_length] = '\0';
            monitor->control_length = 0;
            take_control_line(monitor, monitor->control_line);
        }
    }
}

static int take_child(struct monitor *monitor, pid_t pid, int status)
{
    if (pid == monitor->stage1) {
        monitor->stage1 = 0;
        /* What it has sent comes first: that may be the reason. */
        if (take_messages(monitor, &monitor->stage_sync) < 0)
            return -1;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            failure_stage(&monitor->failure, "stage 1");
            return fail(&monitor->failure, ECHILD, "run", "stage 1: wait status %d", status);
        }
    } else if (pid == monitor->init || (monitor->init == 0 && monitor->phase == SETTING_UP &&
                                        pid != monitor->net.helper.pid)) {
        /* An unknown child during set-up can be init before stage 1 named it. */
        if (monitor->init == 0 && take_messages(monitor, &monitor->stage_sync) < 0)
            return -1;
        if (pid != monitor->init)
            return 0;
        monitor->init = 0;
        monitor->init_ended = true;
        monitor->init_status = status;
        if (take_messages(monitor, &monitor->init_sync) < 0)
            return -1;
        if (monitor->phase < STARTING) {
            failure_stage(&monitor->failure, "init");
            return fail(&monitor->failure, ECHILD, "run", "init: wait status %d", status);
        }
    } else if (pid == monitor->net.helper.pid) {
        bool was_ready = monitor->net_ready;
        if (monitor->phase < STARTING && !was_ready) {
            net_failed(&monitor->net, status, &monitor->failure);
            return -1;
        }
        spawn_finish(&monitor->net.helper);
        proto_send_warning(&monitor->control,
                           "the network helper has ended: the container has no network any more");
    }
    return 0;
}

static int take_signals(struct monitor *monitor)
{
    struct signalfd_siginfo info;
    while (read(monitor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM) {
            if (monitor->phase < RUNNING)
                return fail(&monitor->failure, EINTR, "start", "container: SIGTERM");
            stop(monitor, monitor->settings.stop_signal, monitor->settings.stop_timeout);
        }
    }
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (take_child(monitor, pid, status) < 0)
            return -1;
    }
    return 0;
}

/* ---- phases ---------------------------------------------------------------- */

static void started(struct monitor *monitor)
{
    monitor->phase = RUNNING;
    proto_send(&monitor->control, TSMAN_MSG_STARTED, NULL, 0);
    if (monitor->settings.timeout > 0)
        kill_after(monitor, monitor->settings.timeout);
    if (!monitor->settings.foreground)
        leave_caller(monitor);
    /* Megabytes at most, and not needed any more. */
    plan_release(&monitor->plan);
    munmap(monitor->payload, monitor->payload_size);
    monitor->payload = NULL;
}

static void advance(struct monitor *monitor)
{
    if (monitor->phase == SETTING_UP && monitor->init_ready && monitor->net_ready &&
        monitor->init > 0) {
        monitor->phase = HOLDING;
        if (monitor->stage_sync >= 0)
            sync_send(monitor->stage_sync, SYNC_STAGE_EXIT, 0, -1);
        proto_send(&monitor->control, TSMAN_MSG_READY, NULL, 0);
    }
    /* Not before stage 1 is gone: it is dumpable for the network helper's sake, holds
       directories of the host, and with the host's pid namespace the program would see
       it (CVE-2016-9962). */
    if (monitor->phase == HOLDING && !monitor->settings.hold && monitor->stage1 == 0) {
        monitor->phase = STARTING;
        sync_send(monitor->init_sync, SYNC_START, 0, -1);
    }
    if (monitor->phase == STARTING && monitor->init_sync < 0)
        started(monitor);
    if (monitor->phase == RUNNING && monitor->init_ended) {
        monitor->phase = ENDED;
        monitor->kill_at = 0;
        io_finish(&monitor->io);
    }
}

static void write_exit(struct monitor *monitor)
{
    if (monitor->exit_written)
        return;
    monitor->exit_written = true;
    if (monitor->settings.exit_file[0] != '\0' &&
        rundir_write_exit_file(monitor->settings.exit_file, monitor->init_status, 0) < 0) {
        char text[256];
        snprintf(text, sizeof(text), "write exit file %.150s: %s", monitor->settings.exit_file,
                 strerror(errno));
        proto_send_warning(&monitor->control, text);
    }
}

static int poll_timeout(const struct monitor *monitor)
{
    if (monitor->kill_at == 0)
        return -1;
    int64_t left = monitor->kill_at - now_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void take_io(struct monitor *monitor, const struct pollfd *fds)
{
    struct io *io = &monitor->io;
    io_pump(io, fds);
    if (io->log_error != 0) {
        char text[128];
        snprintf(text, sizeof(text), "write log: %s; output is not logged any more",
                 strerror(io->log_error));
        proto_send_warning(&monitor->control, text);
        io->log_error = 0;
    }
    if (io->detached) {
        io->detached = false;
        proto_send(&monitor->control, TSMAN_MSG_DETACHED, NULL, 0);
        leave_caller(monitor);
    }
}

enum { SIGNALS, CONTROL, FIFO, STAGE, INIT, NET_READY, NET_ERRORS, FIXED };

static int turn(struct monitor *monitor)
{
    struct pollfd fds[FIXED + IO_POLLFDS];
    int fixed[FIXED] = {monitor->signals,          monitor->control.fd, monitor->rundir.control,
                        monitor->stage_sync,       monitor->init_sync,  monitor->net.ready,
                        monitor->net.helper.errors};
    for (int i = 0; i < FIXED; i++)
        fds[i] = (struct pollfd){.fd = fixed[i], .events = POLLIN};
    size_t count = FIXED + io_prepare_poll(&monitor->io, fds + FIXED);
    if (poll(fds, count, poll_timeout(monitor)) < 0)
        return errno == EINTR ? 0 : fail(&monitor->failure, errno, "poll", "descriptors");

    if (fds[STAGE].revents && take_messages(monitor, &monitor->stage_sync) < 0)
        return -1;
    if (fds[INIT].revents && take_messages(monitor, &monitor->init_sync) < 0)
        return -1;
    if (fds[NET_READY].revents && monitor->net.ready >= 0 && net_check_ready(&monitor->net))
        monitor->net_ready = true;
    if (fds[NET_ERRORS].revents)
        spawn_drain(&monitor->net.helper);
    if (fds[CONTROL].revents && take_frames(monitor) < 0)
        return -1;
    if (fds[FIFO].revents)
        take_control_lines(monitor);
    take_io(monitor, fds + FIXED);
    if (fds[SIGNALS].revents && take_signals(monitor) < 0)
        return -1;
    if (monitor->kill_at != 0 && now_ms() >= monitor->kill_at) {
        monitor->kill_at = 0;
        signal_init(monitor, SIGKILL);
    }
    advance(monitor);
    if (monitor->phase == ENDED && io_logged(&monitor->io))
        write_exit(monitor);
    return 0;
}

static int set_up(struct monitor *monitor, char **argv)
{
    if (proto_read_launch(&monitor->control, &monitor->payload, &monitor->payload_size,
                          &monitor->failure) < 0 ||
        plan_parse(&monitor->plan, monitor->payload, monitor->payload_size, &monitor->failure) < 0)
        return -1;
    const struct plan_record *id = plan_setting(&monitor->plan, TSMAN_SET_ID);
    if (id != NULL)
        self_title(argv, id->argv[0]);
    monitor->net_ready = plan_setting(&monitor->plan, TSMAN_SET_NETWORK) == NULL;
    if (read_settings(monitor) < 0 || open_files(monitor) < 0 || start_stage1(monitor) < 0)
        return -1;
    if (monitor->settings.foreground && plan_setting(&monitor->plan, TSMAN_SET_TTY) == NULL)
        io_connect_caller(&monitor->io, monitor->settings.with_stdin);
    /* Not to keep a file system of the caller's busy. */
    if (chdir("/") < 0)
        return fail(&monitor->failure, errno, "chdir", "/");
    return 0;
}

/* Waits for all children, at most `milliseconds`; true when there are none. */
static bool reap_children(int64_t milliseconds)
{
    int64_t until = now_ms() + milliseconds;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0)
            continue;
        if (pid < 0 && errno != EINTR)
            return true;
        int64_t left = until - now_ms();
        if (left <= 0)
            return false;
        struct timespec wait = {left / 1000, (left % 1000) * 1000000};
        sigtimedwait(&child, NULL, &wait);
    }
}

/* Those that are ours since their parents ended (PR_SET_CHILD_SUBREAPER): a
   fuse-overlayfs, or an init that stage 1 has not named yet. */
static void signal_children(int number)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    char *rest = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        uint64_t pid;
        if (number_parse(word, 10, INT32_MAX, &pid))
            kill((pid_t)pid, number);
    }
}

/* Kills and waits for every child; nothing is left of the container. */
static void reap_all(struct monitor *monitor)
{
    if (monitor->stage1 > 0)
        kill(monitor->stage1, SIGKILL);
    if (monitor->init > 0)
        kill(monitor->init, SIGKILL);
    net_stop(&monitor->net);
    drop_fd(&monitor->stage_sync);
    drop_fd(&monitor->init_sync);
    /* A file system in user space lives in the mount namespace that it serves, so
       neither would ever end by itself; asked to end, it unmounts in order. */
    signal_children(SIGTERM);
    if (reap_children(3000))
        return;
    signal_children(SIGKILL);
    reap_children(5000);
}

static int give_up(struct monitor *monitor)
{
    failure_stage(&monitor->failure, "monitor");
    if (strcmp(monitor->failure.stage, "init") != 0 && strcmp(monitor->failure.stage, "exec") != 0)
        monitor->failure.step = -1;
    reap_all(monitor);
    const struct plan_record *pid_file = plan_setting(&monitor->plan, TSMAN_SET_PID_FILE);
    if (pid_file != NULL && monitor->init_pid > 0)
        unlink(pid_file->argv[0]);
    rundir_clear(&monitor->rundir, 1);
    proto_send_failed(&monitor->control, &monitor->failure);
    return 1;
}

static void finish(struct monitor *monitor)
{
    /* Before EXITED: when the caller hears of the end, the ports are free. */
    reap_all(monitor);
    write_exit(monitor);
    rundir_clear(&monitor->rundir, 0);
    bool connected = monitor->control.fd >= 0;
    if (connected && monitor->settings.foreground && monitor->settings.remove_tree[0] != '\0')
        rmtree_quietly(monitor->settings.remove_tree);
    proto_send_exited(&monitor->control, monitor->init_status);
    /* The caller of a detached container leaves as soon as it has started: it may be
       gone before it reads EXITED, so it is never the one who cleans up. */
    if ((!connected || !monitor->settings.foreground) && monitor->settings.cleanup != NULL) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(monitor->settings.cleanup[0], monitor->settings.cleanup);
    }
}

static int prepare_process(struct monitor *monitor)
{
    sigset_t all, wanted;
    prctl(PR_SET_NAME, "tsman-monitor");
    /* Nothing that the caller has left open gets into the container. */
    if (kernel_close_range(TSMAN_CONTROL_FD + 1, ~0u, 0) < 0) {
        for (int fd = TSMAN_CONTROL_FD + 1; fd < 1024; fd++)
            close(fd);
    }
    fcntl(TSMAN_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    /* All signals but two are ignored by never being taken: a hang-up of the
       terminal, SIGUSR1, SIGPIPE. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    monitor->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (monitor->signals < 0)
        return fail(&monitor->failure, errno, "signalfd", "SIGCHLD");
    /* Out of the caller's session: the end of its terminal is not ours. */
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    umask(0077);
    return 0;
}

int monitor_main(char **argv)
{
    static struct monitor monitor;
    monitor.control.fd = TSMAN_CONTROL_FD;
    monitor.signals = monitor.stage_sync = monitor.init_sync = -1;
    monitor.failure.step = -1;
    rundir_init(&monitor.rundir);
    io_init(&monitor.io);
    net_init(&monitor.net);
    if (fcntl(TSMAN_CONTROL_FD, F_GETFD) < 0) {
        fprintf(stderr, "tsman-native: monitor: descriptor 3 is not the control socket\n");
        return 125;
    }
    /* First of all, with the control socket kept open for the copy. */
    if (self_seal(argv, &monitor.failure) < 0 || prepare_process(&monitor) < 0 ||
        set_up(&monitor, argv) < 0)
        return give_up(&monitor);
    while (monitor.phase != ENDED || !io_done(&monitor.io)) {
        if (turn(&monitor) < 0)
            return give_up(&monitor);
    }
    finish(&monitor);
    return 0;
}
