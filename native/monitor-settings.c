#include "monitor-state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "device-filter.h"
#include "join.h"
#include "protocol.h"

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
static int copy_path(const struct plan *plan, uint16_t op, unsigned index, char path[1024],
                     struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, op);
    if (record == NULL)
        return 0;
    if (record->length[index] >= 1024)
        return fail(failure, ENAMETOOLONG, "open", "%s", record->argv[index]);
    memcpy(path, record->argv[index], record->length[index] + 1);
    return 0;
}

int monitor_read_settings(struct monitor *monitor)
{
    const struct plan *plan = &monitor->plan;
    struct settings *settings = &monitor->settings;
    struct failure *failure = &monitor->failure;
    const struct plan_record *record;
    settings->foreground = plan_setting(plan, TSMAN_SET_FOREGROUND) != NULL;
    settings->hold = plan_setting(plan, TSMAN_SET_HOLD) != NULL;
    settings->with_stdin = plan_setting(plan, TSMAN_SET_STDIN) != NULL;
    settings->ephemeral = plan_setting(plan, TSMAN_SET_EPHEMERAL) != NULL;
    settings->start_pipes = plan_setting(plan, TSMAN_SET_START_PIPES) != NULL;
    settings->leave = plan_setting(plan, TSMAN_SET_LEAVE) != NULL;
    settings->stop_signal = SIGTERM;
    settings->stop_timeout = 10000;
    if ((record = plan_setting(plan, TSMAN_SET_STOP)) != NULL) {
        settings->stop_signal = (uint32_t)plan_number(record, 0);
        settings->stop_timeout = (uint32_t)plan_number(record, 1);
    }
    if ((record = plan_setting(plan, TSMAN_SET_TIMEOUT)) != NULL)
        settings->timeout = (uint32_t)plan_number(record, 0);
    if (copy_path(plan, TSMAN_SET_EXIT_FILE, 0, settings->exit_file, failure) < 0 ||
        copy_path(plan, TSMAN_SET_REMOVE_TREE, 0, settings->remove_tree, failure) < 0 ||
        copy_path(plan, TSMAN_SET_SESSION, 1, settings->removed_mark, failure) < 0 ||
        copy_path(plan, TSMAN_SET_EPHEMERAL, 0, settings->removed_mark, failure) < 0 ||
        copy_path(plan, TSMAN_SET_RUN_DIR, 0, settings->run_dir, failure) < 0)
        return -1;
    if ((record = plan_setting(plan, TSMAN_SET_STAY)) != NULL) {
        if (record->length[0] >= sizeof(settings->stay))
            return fail(failure, ENAMETOOLONG, "read settings", "stay");
        memcpy(settings->stay, record->argv[0], record->length[0] + 1);
    }
    if ((record = plan_setting(plan, TSMAN_SET_JOIN_PROCESS)) != NULL) {
        settings->is_exec = true;
        monitor->target = join_open(record, failure);
        if (monitor->target < 0)
            return -1;
    }
    if (health_read(&monitor->health, plan, failure) < 0)
        return -1;
    if (events_read(&settings->events, plan, failure) < 0)
        return -1;
    if ((record = plan_setting(plan, TSMAN_SET_CLEANUP)) != NULL &&
        (settings->cleanup = copy_argv(record)) == NULL)
        return fail(failure, ENOMEM, "read settings", "cleanup");
    if ((record = plan_setting(plan, TSMAN_SET_CLEANUP_DELAY)) != NULL) {
        settings->restarts = true;
        settings->restart_delay = (uint32_t)plan_number(record, 0);
        settings->long_life = (uint32_t)plan_number(record, 1);
        settings->restart_delay_long = (uint32_t)plan_number(record, 2);
    }
    if ((record = plan_setting(plan, TSMAN_SET_DETACH_KEYS)) != NULL)
        detach_keys_set(&monitor->io.detach, record->argv[0], record->length[0]);
    return 0;
}

static int open_log(struct monitor *monitor)
{
    const struct plan *plan = &monitor->plan;
    struct log *log = &monitor->io.log;
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_LOG);
    if (record != NULL && log_open(log, record->argv[0], plan_number(record, 1),
                                   (unsigned)plan_number(record, 2)) < 0)
        return fail(&monitor->failure, errno, "open log", "%s", record->argv[0]);
    record = plan_setting(plan, TSMAN_SET_LOG_FORMAT);
    if (record != NULL && log_set_format(log, record->argv[0], record->argv[1]) < 0)
        return fail(&monitor->failure, errno, "open log", "format %s", record->argv[0]);
    record = plan_setting(plan, TSMAN_SET_LOG_JOURNAL);
    if (record != NULL && !log_is_open(log) &&
        log_open_journal(log, record->argv[0], record->argv + 1, record->argc - 1u) < 0)
        return fail(&monitor->failure, errno, "open log", "%s", record->argv[0]);
    return 0;
}

int monitor_open_files(struct monitor *monitor)
{
    const struct plan *plan = &monitor->plan;
    if (cgroup_open(&monitor->cgroup, plan, &monitor->failure) < 0 ||
        device_filter_attach(&monitor->cgroup, plan, &monitor->failure) < 0)
        return -1;
    if (!monitor->settings.is_exec && monitor->cgroup.directory >= 0)
        oom_begin_at(&monitor->oom, monitor->cgroup.directory);
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_RUN_DIR);
    if (record != NULL && rundir_open(&monitor->rundir, record->argv[0], &monitor->failure) < 0)
        return -1;
    if (monitor_open_ends(monitor) < 0)
        return -1;
    bool leaves = monitor->settings.leave || monitor->settings.start_pipes;
    if (record != NULL && !leaves && plan_setting(plan, TSMAN_SET_JOIN_PROCESS) == NULL &&
        attach_listen(&monitor->io.attach, monitor->rundir.directory, &monitor->failure) < 0)
        return -1;
    return open_log(monitor);
}
