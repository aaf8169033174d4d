#include "stage1.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "idmapped-mount.h"
#include "init.h"
#include "join.h"
#include "joined-proc.h"
#include "joins.h"
#include "kernel.h"
#include "keyring.h"
#include "lifeline.h"
#include "listener-relay.h"
#include "listener.h"
#include "memory.h"
#include "namespace.h"
#include "number.h"
#include "outside.h"
#include "prepared.h"
#include "privileges.h"
#include "protocol.h"
#include "shared-mount.h"
#include "slots.h"
#include "spawn.h"
#include "sync.h"
#include "time-offset.h"
#include "verify-init.h"

_Noreturn static void give_up(int sync, struct failure *failure)
{
    failure_stage(failure, "stage 1");
    failure->step = -1;
    sync_send_failure(sync, failure);
    _exit(1);
}

/* Root of the user namespace; until here we are the caller. */
static int become_root(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *user = plan_step(plan, TSMAN_OP_USER);
    bool dumpable = prctl(PR_GET_DUMPABLE) == 1;
    bool keep_groups = user != NULL && plan_has_word(user->argv[2], "keepgroups");
    /* The groups first: without the ids of the old user the right to change them
       remains, but not the other way round for a process that loses it. */
    if (!keep_groups && plan_setting(plan, TSMAN_SET_SETGROUPS_DENY) == NULL &&
        setgroups(0, NULL) < 0 && errno != EPERM)
        return fail(failure, errno, "setgroups", "no groups");
    if (setresgid(0, 0, 0) < 0)
        return fail(failure, errno, "setresgid", "0");
    if (setresuid(0, 0, 0) < 0)
        return fail(failure, errno, "setresuid", "0");
    /* A change of ids sets it to what fs.suid_dumpable says (proc_sys_fs(5)). */
    if (!dumpable)
        prctl(PR_SET_DUMPABLE, 0);
    return 0;
}

/* init is not dumpable, so /proc/self/oom_score_adj is not its own: the value is
   set here and inherited (proc_pid_oom_score_adj(5)). */
static int apply_oom_score(const struct plan *plan, struct failure *failure, int sync)
{
    const struct plan_record *record = plan_step(plan, TSMAN_OP_OOM_SCORE);
    if (record == NULL)
        return 0;
    cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, record->argv[0], record->length[0], 0) < 0) {
        char text[128];
        /* Lowering it takes CAP_SYS_RESOURCE on the host. */
        if (errno != EACCES && errno != EPERM)
            return fail(failure, errno, "write", "/proc/self/oom_score_adj");
        if (plan_setting(plan, TSMAN_SET_STRICT) != NULL)
            return fail(failure, errno, "set oom score", "%s", record->argv[0]);
        snprintf(text, sizeof(text), "oom score %s is below what the caller may set",
                 record->argv[0]);
        sync_send_warning(sync, text);
        return 0;
    }
    /* Of what is asked for nothing is believed (S33). */
    char present[16] = "";
    if (pread(fd, present, sizeof(present) - 1, 0) <= 0 ||
        strtol(present, NULL, 10) != strtol(record->argv[0], NULL, 10))
        return fail(failure, 0, "verify", "oom score: it is %.*s, not %s",
                    (int)strcspn(present, "\n"), present, record->argv[0]);
    return 0;
}

/* Replaces "@N" as a whole and "@{N}" anywhere by /proc/self/fd/FD; notes FD. */
static int expand_slots(const char *argument, char *expanded, size_t room, int *keep,
                        size_t *keep_count)
{
    size_t used = 0;
    while (*argument) {
        uint64_t slot = 0;
        size_t digits = 0;
        bool whole = used == 0 && argument[0] == '@' && number_parse(argument + 1, 10, 9999, &slot);
        if (!whole && argument[0] == '@' && argument[1] == '{') {
            digits = strcspn(argument + 2, "}");
            if (!number_parse_span(argument + 2, digits, 10, 9999, &slot))
                digits = 0;
        }
        if (!whole && digits == 0) {
            if (used + 1 >= room)
                return E2BIG;
            expanded[used++] = *argument++;
            continue;
        }
        int fd = slots_descriptor((int)slot);
        if (fd < 0)
            return EINVAL;
        int added = snprintf(expanded + used, room - used, "/proc/self/fd/%d", fd);
        if (added < 0 || (size_t)added >= room - used)
            return E2BIG;
        used += (size_t)added;
        argument += whole ? strlen(argument) : digits + 3;
        if (*keep_count < TSMAN_MAX_OPENS)
            keep[(*keep_count)++] = fd;
    }
    expanded[used] = '\0';
    return 0;
}

static int run_stage_command(const struct plan_record *record, struct failure *failure)
{
    const size_t room = 128 << 10;
    static int keep[TSMAN_MAX_OPENS];
    size_t keep_count = 0, used = 0;
    cleanup_free char *text = malloc(room);
    cleanup_free char **argv = calloc(record->argc + 1u, sizeof(char *));
    if (text == NULL || argv == NULL)
        return fail(failure, ENOMEM, "execute", "%s", record->argv[0]);
    for (unsigned i = 0; i < record->argc; i++) {
        int error = expand_slots(record->argv[i], text + used, room - used, keep, &keep_count);
        if (error != 0)
            return fail(failure, error, "execute", "%s: argument %u", record->argv[0], i);
        argv[i] = text + used;
        used += strlen(argv[i]) + 1;
    }
    struct spawn spawn;
    if (spawn_start(&spawn, argv, NULL, keep, keep_count) < 0)
        return fail(failure, errno, "execute", "%s", argv[0]);
    int status = spawn_wait(&spawn);
    if (spawn.exec_error != 0)
        return fail(failure, spawn.exec_error, "execute", "%s", argv[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        failure_detail(failure, "%s", spawn.length ? spawn.text : "it wrote no message");
        return fail(failure, EIO, "run", "%s", argv[0]);
    }
    return 0;
}

/* Root may search everybody's directories, but not from within a new user
   namespace: what was denied is opened by the monitor. */
static int open_denied(const struct stage1 *stage1, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = slots_next_missing(stage1->plan, &position)) != NULL) {
        struct sync_message message;
        int fd;
        /* position is one past the record */
        sync_send(stage1->sync, SYNC_OPEN_WANTED, (int32_t)position - 1, -1);
        if (sync_receive(stage1->sync, &message, &fd, 0) <= 0 || message.type != SYNC_OPENED)
            return fail(failure, EACCES, "open", "%s", record->argv[1]);
        if (fd < 0)
            return fail(failure, message.value, "open", "%s", record->argv[1]);
        if (slots_set(record, fd, failure) < 0)
            return -1;
    }
    return 0;
}

/*
 * The commands run in a child that is root of the user namespace, in a mount
 * namespace of their own: what they leave behind (fuse-overlayfs) must keep its
 * root directory, which pivot_root(2) changes for every process of its mount
 * namespace.  Stage 1 then copies that namespace, mounts included, for the
 * container, and opens the slots anew in the copy, still as the caller.
 */
static int run_stage_commands(const struct stage1 *stage1, struct failure *failure)
{
    const struct plan *plan = stage1->plan;
    size_t position = 0;
    const struct plan_record *record;
    if (plan_setting(plan, TSMAN_SET_STAGE_COMMAND) == NULL)
        return 0;
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return fail(failure, errno, "fork", "stage command");
    if (pid == 0) {
        if (become_root(plan, failure) < 0)
            give_up(stage1->sync, failure);
        lifeline_tie(parent);
        while ((record = plan_next(plan, TSMAN_SET_STAGE_COMMAND, &position)) != NULL) {
            if (run_stage_command(record, failure) < 0)
                give_up(stage1->sync, failure);
        }
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        _exit(1); /* the child has said why */
    slots_close_paths(plan);
    if (namespace_unshare(CLONE_NEWNS, failure) < 0 ||
        slots_open(plan, SLOTS_EARLY, stage1->is_root, failure) < 0 ||
        open_denied(stage1, failure) < 0)
        return -1;
    return slots_open(plan, SLOTS_LATE, true, failure);
}

static int relay_listener(struct failure *failure)
{
    int *connection = listener_connection();
    return connection == NULL ? 0 : listener_relay(connection, failure);
}

/* An exec session: nothing is made, all is joined. */
static void enter_process(const struct stage1 *stage1, struct failure *failure)
{
    const struct plan *plan = stage1->plan;
    if (apply_oom_score(plan, failure, stage1->sync) < 0 || listener_connect(plan, failure) < 0 ||
        relay_listener(failure) < 0 || cgroup_enter(stage1->cgroup, failure) < 0 ||
        join_enter(stage1->target, plan_setting(plan, TSMAN_SET_JOIN_PROCESS),
                   plan_setting(plan, TSMAN_SET_JOIN_ANY) != NULL, failure) < 0)
        give_up(stage1->sync, failure);
    close(stage1->target);
    if (become_root(plan, failure) < 0)
        give_up(stage1->sync, failure);
}

/* Whether there may be somebody who has CAP_SYS_PTRACE in our user namespace and is in a container
   all the same, one without a user namespace of its own: who has it may look at init before that
   has executed anything, whatever init's own one is (ptrace(2)).  In ours: not in one that we have
   joined. */
static bool is_privileged(void)
{
    uint64_t permitted;
    return kernel_capget_permitted(&permitted) < 0 || permitted != 0;
}

static void prepare(struct stage1 *stage1, struct joins *joins, struct failure *failure)
{
    const struct plan *plan = stage1->plan;
    int flags = namespace_unshare_flags(plan, failure);
    int outer = flags & (CLONE_NEWUSER | CLONE_NEWNS);
    int inner = flags & ~(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME);
    bool makes_user = (outer & CLONE_NEWUSER) != 0;
    bool forks = plan_setting(plan, TSMAN_SET_STAGE_COMMAND) != NULL ||
                 plan_setting(plan, TSMAN_SET_OPEN_MOUNT) != NULL;
    struct prepared prepared;
    int self;
    slots_raise_limit(plan);
    if (flags < 0 || apply_oom_score(plan, failure, stage1->sync) < 0 ||
        joins_open(joins, plan, failure) < 0 || time_offset_open(plan, &self, failure) < 0 ||
        listener_connect(plan, failure) < 0 || idmapped_mounts_open(plan, failure) < 0)
        give_up(stage1->sync, failure);

    /* From the moment of joining, root of that namespace could trace us; in a new user
       namespace nobody is who could, and its maps are to be written yet. */
    if (joins->flags != 0 && (!makes_user || (joins->flags & CLONE_NEWPID)))
        prctl(PR_SET_DUMPABLE, 0);
    if (!(outer & CLONE_NEWNS) && slots_open(plan, SLOTS_EARLY, false, failure) < 0)
        give_up(stage1->sync, failure);
    const bool is_shared = (joins->flags & CLONE_NEWPID) != 0;
    /* Of one who has no capability they come with the user namespace that he joins. */
    const bool gets_rights = !is_privileged();
    const bool is_shared_with_user = is_shared && (joins->flags & CLONE_NEWUSER);
    if (is_shared && (makes_user || !gets_rights))
        stage1->makes_outside = joined_proc_open(plan, joins, makes_user) && !gets_rights;
    if ((stage1->makes_outside || (is_shared_with_user && gets_rights)) &&
        relay_listener(failure) < 0)
        give_up(stage1->sync, failure);
    if (joins_early(joins, makes_user, !forks, failure) < 0 || joins_user(joins, failure) < 0)
        give_up(stage1->sync, failure);
    if (!makes_user)
        drop_fd(&stage1->prepared);
    prepared_receive(&stage1->prepared, &prepared);
    bool is_mapped = prepared_join(&prepared.user, CLONE_NEWUSER);
    if (namespace_unshare(is_mapped ? outer & ~CLONE_NEWUSER : outer, failure) < 0)
        give_up(stage1->sync, failure);
    if (makes_user && !is_mapped)
        sync_send(stage1->sync, SYNC_MAP_WANTED, 0, -1);
    if (is_shared_with_user && gets_rights)
        stage1->makes_outside = joined_proc_open(plan, joins, false);
    if ((outer & CLONE_NEWNS) && slots_open(plan, SLOTS_EARLY, stage1->is_root, failure) < 0)
        give_up(stage1->sync, failure);
    if (makes_user && !is_mapped && sync_await(stage1->sync, SYNC_MAP_DONE) < 0)
        _exit(1);
    if (open_denied(stage1, failure) < 0 || run_stage_commands(stage1, failure) < 0)
        give_up(stage1->sync, failure);
    if ((flags & CLONE_NEWTIME) && time_offset_unshare(plan, &self, failure) < 0)
        give_up(stage1->sync, failure);
    if (joins->flags != 0)
        prctl(PR_SET_DUMPABLE, 0);
    if ((makes_user || (joins->flags & CLONE_NEWUSER)) && become_root(plan, failure) < 0)
        give_up(stage1->sync, failure);
    if (slots_open(plan, SLOTS_LATE, false, failure) < 0 ||
        shared_mounts_open(plan, joins->owner, failure) < 0)
        give_up(stage1->sync, failure);
    /* After the stage commands, which are not the container's, and before the cgroup
       namespace, whose root is where its maker is (cgroup_namespaces(7)). */
    if (joins_late(joins, failure) < 0 || cgroup_enter(stage1->cgroup, failure) < 0)
        give_up(stage1->sync, failure);
    if ((inner & CLONE_NEWNET) && prepared_join(&prepared.network, CLONE_NEWNET))
        inner &= ~CLONE_NEWNET;
    drop_fd(&prepared.network);
    if (namespace_unshare(inner, failure) < 0)
        give_up(stage1->sync, failure);
}

/*
 * The helper opens /proc/PID/ns of this process, whenever it comes to that: for it we become
 * dumpable.  In a user namespace that was joined that opens us to the container which it belongs
 * to, if that sees the host's processes: so nothing of the host is left here then, no
 * descriptor, no mount, no key (CVE-2016-9962).
 */
static int await_helper(struct stage1 *stage1, const struct joins *joins, struct failure *failure)
{
    channels_close(&stage1->channels);
    for (int i = 0; i < 3; i++) {
        if (stage1->program[i] >= 0)
            close(stage1->program[i]);
    }
    slots_close();
    if (joins->flags & CLONE_NEWUSER) {
        /* Made outside it has left the host behind already. */
        if (!stage1->makes_outside && setns(joins->owner, CLONE_NEWNS) < 0)
            return fail(failure, errno, "join", "mount namespace of the container");
        kernel_keyring_join_session("_ses.tsman");
    }
    prctl(PR_SET_DUMPABLE, 1);
    sync_send(stage1->sync, SYNC_NET_WANTED, 0, -1);
    sync_await_end(stage1->sync);
    return 0;
}

_Noreturn void stage1_run(struct stage1 *stage1)
{
    static struct failure failure;
    struct joins joins = {.count = 0, .owner = -1};
    const struct plan *plan = stage1->plan;
    /* With a mount namespace that is joined, init sees that one's. */
    bool sees_host = plan_step(plan, TSMAN_OP_ENTER_ROOT) != NULL;
    bool network = plan_setting(plan, TSMAN_SET_NETWORK) != NULL;
    /* A change of ids resets this, see below. */
    lifeline_tie(stage1->monitor);
    prctl(PR_SET_NAME, "tsman-stage1");
    if (stage1->target >= 0)
        enter_process(stage1, &failure);
    else
        prepare(stage1, &joins, &failure);
    lifeline_tie(stage1->monitor);

    struct init *init = NULL;
    if (stage1->makes_outside) {
        const int kept[] = {stage1->sync, joins.owner, joins_pid_namespace(&joins)};
        init = init_begin(plan, &stage1->channels, stage1->program);
        outside_run(init, kept, sizeof(kept) / sizeof(kept[0]));
        sees_host = false;
    }
    if (joins_pid(&joins, &failure) < 0)
        give_up(stage1->sync, &failure);

    int flags = namespace_unshare_flags(plan, &failure);
    prctl(PR_SET_DUMPABLE, 0);
    /* Nor a process group with the monitor: kill(2) knows it as 0. */
    setsid();
    if (stage1->target >= 0 || stage1->makes_outside)
        privileges_narrow(plan, joined_proc_is_open());
    /* Where others may see init from its beginning, it has our socket for a moment, and would have
       the keys of the caller's session.  What fails with these, init will say. */
    if (!(flags & CLONE_NEWPID)) {
        sync_send(stage1->sync, SYNC_FORKING, 0, -1);
        if (plan_step(plan, TSMAN_OP_KEYRING) != NULL)
            (void)keyring_join(plan);
    }
    pid_t pid = kernel_fork(CLONE_PARENT | (unsigned long)(flags & CLONE_NEWPID));
    if (pid < 0) {
        fail(&failure, errno, "clone", "init");
        failure_detail_file(&failure, "/proc/sys/user/max_pid_namespaces");
        give_up(stage1->sync, &failure);
    }
    if (pid == 0) {
        drop_fd(&joins.owner);
        close(stage1->sync);
        if (init == NULL)
            init = init_begin(plan, &stage1->channels, stage1->program);
        init_run(init, sees_host);
    }
    listener_tell_pid(pid);
    sync_send(stage1->sync, SYNC_INIT_PID, pid, -1);
    if (network && await_helper(stage1, &joins, &failure) < 0)
        give_up(stage1->sync, &failure);
    _exit(0);
}
