#include "monitor-state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "facts.h"
#include "map.h"
#include "memory.h"
#include "order.h"
#include "process-stat.h"
#include "protocol.h"
#include "sync.h"

/* Of one start. */
#define MOST_WARNINGS 100

static void end_text(char *text, size_t size)
{
    text[size - 1] = '\0';
}

/* From a process that the container may have taken over. */
static void take_failure(struct failure *failure, const struct failure *told)
{
    *failure = *told;
    failure->set = 1;
    end_text(failure->stage, sizeof(failure->stage));
    end_text(failure->operation, sizeof(failure->operation));
    end_text(failure->object, sizeof(failure->object));
    end_text(failure->detail, sizeof(failure->detail));
}

/* Stage 1 goes on while its maps are written; when it fails then, it is gone, and they cannot be
   written for that reason. */
static void prefer_failure_of_stage1(struct monitor *monitor)
{
    struct sync_message message;
    int fd;
    while (sync_receive(monitor->stage_sync, &message, &fd, MSG_DONTWAIT) > 0) {
        drop_fd(&fd);
        if (message.type == SYNC_FAILED) {
            take_failure(&monitor->failure, &message.failure);
            return;
        }
    }
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
    if (map_apply(monitor->stage1, &request, &monitor->failure) < 0) {
        prefer_failure_of_stage1(monitor);
        return -1;
    }
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

/* Stage 1 tells of init, which is a child of ours (CLONE_PARENT).  Where no user namespace is
   between, a process that may trace it can speak with its socket; a number of anybody else's would
   be killed in the end. */
static int note_init(struct monitor *monitor, pid_t pid)
{
    siginfo_t info;
    bool is_ours = pid > 0 && pid != monitor->stage1 &&
                   (pid == monitor->unnamed.pid ||
                    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    if (monitor->init_pid > 0 || !is_ours)
        return fail(&monitor->failure, EPROTO, "receive", "init's process id %d", (int)pid);
    const uint64_t start_time = process_start_time(pid);
    const struct plan_record *pid_file = plan_setting(&monitor->plan, TSMAN_SET_PID_FILE);
    monitor->init = monitor->init_pid = pid;
    monitor->init_start = start_time;
    if (rundir_write_init(&monitor->rundir, pid, start_time, &monitor->failure) < 0)
        return -1;
    if (pid_file != NULL && rundir_write_pid_file(pid_file->argv[0], pid, &monitor->failure) < 0)
        return -1;
    proto_send_created(&monitor->control, pid, start_time);
    return pid == monitor->unnamed.pid ? monitor_take_child(monitor, pid, monitor->unnamed.status)
                                       : 0;
}

int monitor_note_start_time(struct monitor *monitor, bool is_program)
{
    if (monitor->init <= 0 || monitor->init_start != 0)
        return 0;
    monitor->init_start = process_start_time(monitor->init);
    if (monitor->init_start != 0)
        return rundir_write_init(&monitor->rundir, monitor->init, monitor->init_start,
                                 &monitor->failure);
    if (is_program)
        return 0;
    failure_detail(&monitor->failure, "/proc is mounted with hidepid, which hides the container "
                                      "until its program runs");
    return fail(&monitor->failure, EACCES, "read", "/proc/%d/stat", (int)monitor->init);
}

/* Of a child that nobody has waited for: the number is its own. */
static int tell_status(struct monitor *monitor)
{
    char pid[16];
    struct facts facts;
    struct order order = {.type = ORDER_STATUS};
    snprintf(pid, sizeof(pid), "%d", (int)monitor->init);
    if (facts_read_of(pid, &facts) < 0) {
        order.errnum = errno;
    } else {
        memcpy(order.value, facts.value, sizeof(order.value));
        order.group_count = facts.group_count;
        facts_release(&facts);
    }
    return order_give(monitor->orders, &order, &monitor->failure);
}

/* Who floods us floods nobody else. */
static void take_warning(struct monitor *monitor, char *text, size_t size)
{
    if (monitor->warnings == MOST_WARNINGS)
        return;
    end_text(text, size);
    proto_send_warning(&monitor->control,
                       ++monitor->warnings < MOST_WARNINGS ? text : "there are more warnings");
}

static size_t count_steps(const struct plan *plan, uint16_t op)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->steps_count; i++)
        count += plan->steps[i].op == op;
    return count;
}

/* What stage 1 alone says, and what init alone says, each in its time; both warn and fail. */
static bool may_say(const struct monitor *monitor, bool is_init, uint32_t type)
{
    switch (type) {
    case SYNC_MAP_WANTED:
    case SYNC_OPEN_WANTED:
    case SYNC_FORKING:
        return !is_init && !monitor->stage_forks && monitor->init_pid == 0;
    case SYNC_NET_WANTED:
        return !is_init && monitor->init_pid > 0 &&
               plan_setting(&monitor->plan, TSMAN_SET_NETWORK) != NULL;
    case SYNC_INIT_PID:
        return !is_init;
    case SYNC_STATUS_WANTED:
        return is_init && monitor->init > 0 && monitor->phase == STARTING && !monitor->status_sent;
    case SYNC_TTY:
        return is_init && !monitor->has_terminal &&
               plan_setting(&monitor->plan, TSMAN_SET_TTY) != NULL;
    case SYNC_INIT_READY:
        return is_init && monitor->phase < STARTING;
    case SYNC_CALLER_WANTED:
        return is_init && monitor->phase < STARTING &&
               monitor->callers_told < count_steps(&monitor->plan, TSMAN_OP_CALLER);
    case SYNC_LEFT:
        return is_init && monitor->phase == LEAVING;
    default:
        return true;
    }
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
        monitor->stage_exposed = true;
        record = plan_setting(&monitor->plan, TSMAN_SET_NETWORK);
        if (net_start(&monitor->net, record, monitor->stage1, monitor->rundir.directory,
                      &monitor->failure) < 0) {
            failure_stage(&monitor->failure, "network");
            return -1;
        }
        return 0;
    case SYNC_INIT_PID:
        return note_init(monitor, message->value);
    case SYNC_STATUS_WANTED:
        monitor->status_sent = true;
        return tell_status(monitor);
    case SYNC_FORKING:
        monitor->stage_forks = true;
        return 0;
    case SYNC_TTY:
        monitor->has_terminal = true;
        if (monitor->console >= 0)
            return monitor_send_console(monitor, fd);
        io_set_terminal(&monitor->io, fd);
        if (monitor->settings.foreground)
            io_connect_caller(&monitor->io, monitor->settings.with_stdin);
        return 0;
    case SYNC_WARNING:
        take_warning(monitor, message->text, sizeof(message->text));
        return 0;
    case SYNC_INIT_READY:
        monitor->init_ready = true;
        return 0;
    case SYNC_FAILED:
        take_failure(&monitor->failure, &message->failure);
        return -1;
    case SYNC_CALLER_WANTED:
        monitor->caller_asked = true;
        monitor->callers_told++;
        /* Of a container that is made outside of its processes stage 1 is all there is. */
        proto_send_caller(&monitor->control, message->value != 0 ? monitor->stage1 : 0);
        return 0;
    case SYNC_LEFT:
        proto_send(&monitor->control, TSMAN_MSG_LEFT, NULL, 0);
        monitor_leave(monitor);
        return 0;
    default:
        return fail(&monitor->failure, EPROTO, "receive", "message %u", message->type);
    }
}

/* The end of init's socket is the program's beginning, or that of an init which its filter let say
   nothing of why it could not execute it, nor, perhaps, end: see init_give_up(). */
static int check_execution(struct monitor *monitor)
{
    siginfo_t info;
    const struct plan_record *step;
    if (monitor->phase != STARTING || monitor->init <= 0 || !process_never_executed(monitor->init))
        return 0;
    /* It is as good as over; whoever has killed it knows why. */
    if (waitid(P_PID, (id_t)monitor->init, &info, WEXITED | WNOWAIT) < 0 ||
        !(info.si_code == CLD_EXITED || info.si_status == SIGILL || info.si_status == SIGTRAP))
        return 0;
    step = plan_step(&monitor->plan, TSMAN_OP_EXEC);
    failure_stage(&monitor->failure, "exec");
    failure_detail(&monitor->failure, "it could not say why: its system call filter denies that");
    return fail(&monitor->failure, EPERM, "execute", "%s", step->argv[0]);
}

/* Everything that has come on a child's socket; closes it at its end. */
int monitor_take_messages(struct monitor *monitor, int *socket)
{
    struct sync_message message;
    while (*socket >= 0) {
        int fd;
        int got = sync_receive(*socket, &message, &fd, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0) {
            drop_fd(socket);
            return socket == &monitor->init_sync ? check_execution(monitor) : 0;
        }
        /* From when it is dumpable on it may be somebody else who speaks. */
        if (socket == &monitor->stage_sync && monitor->stage_exposed) {
            drop_fd(&fd);
            continue;
        }
        bool is_fine = may_say(monitor, socket == &monitor->init_sync, message.type) &&
                       (message.type != SYNC_TTY || (fd >= 0 && isatty(fd)));
        int result = is_fine
                         ? take_message(monitor, &message, fd)
                         : fail(&monitor->failure, EPROTO, "receive", "message %u", message.type);
        /* The terminal's is kept, or was sent. */
        if (message.type != SYNC_TTY || !is_fine)
            drop_fd(&fd);
        if (result < 0)
            return -1;
    }
    return 0;
}
