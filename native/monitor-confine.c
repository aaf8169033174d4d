#include "monitor-state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "landlock.h"
#include "memory.h"

/* What files that are replaced by rename(2) take. */
#define REPLACE                                                                                    \
    (LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE | LANDLOCK_TRUNCATE | LANDLOCK_MAKE_REG |            \
     LANDLOCK_REMOVE_FILE)

/* A place that is not there cannot be kept, and is not needed. */
static int keep(int rules, const char *path, uint64_t rights)
{
    cleanup_close int place = open(path, O_PATH | O_CLOEXEC);
    return place < 0 ? 0 : landlock_keep(rules, place, rights);
}

static int keep_parent(int rules, const char *path, uint64_t rights)
{
    char directory[1024];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || slash - path >= (int)sizeof(directory))
        return 0;
    snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    return keep(rules, directory, rights);
}

static int keep_run_directory(int rules, const struct settings *settings)
{
    if (keep(rules, settings->run_dir, REPLACE | LANDLOCK_MAKE_SOCK | LANDLOCK_READ_DIR) < 0)
        return -1;
    /* An exec session's goes with it. */
    return settings->is_exec ? keep_parent(rules, settings->run_dir, LANDLOCK_REMOVE_DIR) : 0;
}

static int keep_log(int rules, const struct log *log)
{
    /* Not rotated: the descriptor is all that it takes. */
    if (log->directory < 0 || log->limit == 0)
        return 0;
    return landlock_keep(rules, log->directory, REPLACE);
}

static int keep_cgroup(int rules, const struct cgroup *cgroup)
{
    if (cgroup->directory < 0)
        return 0;
    const uint64_t rights = LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_DIR;
    if (landlock_keep(rules, cgroup->directory, rights) < 0)
        return -1;
    return keep_parent(rules, cgroup->path, LANDLOCK_REMOVE_DIR);
}

static int keep_all(int rules, struct monitor *monitor)
{
    const struct settings *settings = &monitor->settings;
    if (keep_run_directory(rules, settings) < 0 || keep_log(rules, &monitor->io.log) < 0 ||
        keep_cgroup(rules, &monitor->cgroup) < 0 ||
        keep_parent(rules, settings->exit_file, REPLACE) < 0)
        return -1;
    /* proc(5): counters, and which processes are its children. */
    if (keep(rules, "/proc", LANDLOCK_READ_FILE) < 0)
        return -1;
    return keep(rules, "/dev/null", LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE);
}

void monitor_confine(struct monitor *monitor)
{
    const struct settings *settings = &monitor->settings;
    /* What a confined process starts is confined as well: the clean-up command needs the
       store, a check the container's files. */
    if (settings->cleanup != NULL || monitor->health.path[0] != '\0' ||
        settings->remove_tree[0] != '\0' || settings->ephemeral)
        return;
    cleanup_close int rules = landlock_begin();
    if (rules < 0)
        return;
    events_keep_open(&monitor->settings.events);
    if (keep_all(rules, monitor) == 0)
        (void)landlock_confine(rules);
}
