#include "monitor-state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "order.h"
#include "protocol.h"
#include "stage1.h"
#include "sync.h"

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

_Noreturn static void become_stage1(struct monitor *monitor, struct stage1 *stage1)
{
    /* What the container's processes have no business with (S24): they inherit
       only what is close-on-exec and needed until then. */
    drop_fd(&monitor->control.fd);
    drop_fd(&monitor->signals);
    drop_fd(&monitor->stage_sync);
    drop_fd(&monitor->init_sync);
    drop_fd(&monitor->orders);
    drop_fd(&monitor->console);
    drop_fd(&monitor->rundir.lock);
    drop_fd(&monitor->rundir.control);
    drop_fd(&monitor->rundir.directory);
    drop_fd(&monitor->io.in.sink);
    drop_fd(&monitor->io.out.source);
    drop_fd(&monitor->io.err.source);
    log_close(&monitor->io.log);
    attach_close(&monitor->io.attach);
    cgroup_leave_to_monitor(&monitor->cgroup);
    oom_end(&monitor->oom);
    monitor_null_streams();
    stage1_run(stage1);
}

/* The caller's own descriptors.  Not a directory, which would be a way out of the
   container, and not a terminal, whose input the program could push back (TIOCSTI).  The
   caller of an OCI runtime decides that, and init has a session of its own, in which that
   takes CAP_SYS_ADMIN of the host. */
static int pass_streams(struct monitor *monitor, int program[3])
{
    for (int fd = monitor->settings.with_stdin ? 0 : 1; fd < 3; fd++) {
        struct stat status;
        if (fstat(fd, &status) < 0)
            return fail(&monitor->failure, errno, "pass on", "descriptor %d", fd);
        bool leaves = monitor->settings.leave || monitor->settings.start_pipes;
        if (S_ISDIR(status.st_mode) || (!leaves && isatty(fd)))
            return fail(&monitor->failure, EINVAL, "pass on", "descriptor %d: it is a %s", fd,
                        S_ISDIR(status.st_mode) ? "directory" : "terminal");
        program[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (program[fd] < 0)
            return fail(&monitor->failure, errno, "pass on", "descriptor %d", fd);
    }
    return 0;
}

static int make_streams(struct monitor *monitor, int program[3], bool is_root)
{
    const struct plan *plan = &monitor->plan;
    if (plan_setting(plan, TSMAN_SET_PASSTHROUGH) != NULL)
        return pass_streams(monitor, program);
    if (plan_setting(plan, TSMAN_SET_TTY) != NULL)
        return 0;
    if (io_make_pipes(&monitor->io, monitor->settings.with_stdin, program) < 0)
        return fail(&monitor->failure, errno, "make pipes", "standard streams");
    int64_t uid = is_root ? mapped_root(plan, TSMAN_SET_UID_MAP) : -1;
    int64_t gid = is_root ? mapped_root(plan, TSMAN_SET_GID_MAP) : -1;
    for (int i = 0; i < 3; i++) {
        /* Root's own pipe would not be the container root's to give on, which takes
           that both ids are mapped (capabilities(7)); for any other caller the two are
           the same. */
        if (uid >= 0 && gid >= 0 && program[i] >= 0)
            (void)!fchown(program[i], (uid_t)uid, (gid_t)gid);
    }
    return 0;
}

int monitor_start_stage1(struct monitor *monitor)
{
    struct failure *failure = &monitor->failure;
    struct stage1 stage1 = {.plan = &monitor->plan,
                            .is_root = geteuid() == 0,
                            .monitor = getpid(),
                            .target = monitor->target,
                            .prepared = monitor->prepared,
                            .cgroup = &monitor->cgroup,
                            .program = {-1, -1, -1}};
    int pairs[2][2], orders[2];
    channels_init(&stage1.channels);
    if (make_streams(monitor, stage1.program, stage1.is_root) < 0)
        return -1;
    if (sync_anonymous_pairs(pairs, 2) < 0)
        return fail(failure, errno, "make socket pairs", "stage 1 and init");
    monitor->stage_sync = pairs[0][0];
    stage1.sync = pairs[0][1];
    monitor->init_sync = pairs[1][0];
    stage1.channels.sync = pairs[1][1];
    stage1.channels.start = give_fd(&monitor->start);
    stage1.channels.started = give_fd(&monitor->started);
    if (order_pipe(orders) < 0)
        return fail(failure, errno, "make pipe", "init");
    stage1.channels.orders = orders[0];
    monitor->orders = orders[1];

    pid_t pid = fork();
    if (pid == 0)
        become_stage1(monitor, &stage1);
    int error = errno;
    close(stage1.sync);
    channels_close(&stage1.channels);
    drop_fd(&monitor->prepared);
    for (uint32_t i = 0; i < monitor->settings.preserve; i++)
        close(TSMAN_CONTROL_FD + 1 + (int)i);
    for (int i = 0; i < 3; i++) {
        if (stage1.program[i] >= 0)
            close(stage1.program[i]);
    }
    if (pid < 0)
        return fail(failure, error, "fork", "stage 1");
    monitor->stage1 = pid;
    return 0;
}

/* Of a child that ended before its work was done, without a word. */
static int ended_early(struct monitor *monitor, const char *stage, int status)
{
    failure_stage(&monitor->failure, stage);
    if (WIFSIGNALED(status))
        return fail(&monitor->failure, 0, "start", "container: %s was killed by signal %d", stage,
                    WTERMSIG(status));
    return fail(&monitor->failure, 0, "start", "container: %s ended with status %d", stage,
                WEXITSTATUS(status));
}

int monitor_take_child(struct monitor *monitor, pid_t pid, int status)
{
    if (pid == monitor->stage1) {
        monitor->stage1 = 0;
        /* What it has sent comes first: that may be the reason. */
        if (monitor_take_messages(monitor, &monitor->stage_sync) < 0 ||
            monitor_take_messages(monitor, &monitor->init_sync) < 0)
            return -1;
        /* Who else has its end by now is not listened to. */
        drop_fd(&monitor->stage_sync);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return ended_early(monitor, "stage 1", status);
    } else if (pid == monitor->init || (monitor->init == 0 && monitor->phase == SETTING_UP &&
                                        pid != monitor->net.helper.pid)) {
        /* An unknown child during set-up can be init before stage 1 named it. */
        if (monitor->init == 0 && monitor->init_pid == 0) {
            monitor->unnamed.pid = pid;
            monitor->unnamed.status = status;
        }
        if (monitor->init == 0 && monitor_take_messages(monitor, &monitor->stage_sync) < 0)
            return -1;
        if (pid != monitor->init)
            return 0;
        health_end(&monitor->health);
        monitor->init = 0;
        monitor->init_ended = true;
        monitor->init_status = status;
        if (monitor_take_messages(monitor, &monitor->init_sync) < 0)
            return -1;
        /* Of two changes within 10 ms the kernel tells the second later (cgroup_file_notify() in
           kernel/cgroup/cgroup.c), by when nobody listens any more. */
        if (monitor->oom.is_own)
            monitor_take_oom(monitor);
        if (monitor->phase < STARTING)
            return ended_early(monitor, "init", status);
    } else if (health_take_child(&monitor->health, pid, status, monitor_now())) {
        return 0;
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
