#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "number.h"
#include "protocol.h"

/* Of groups within groups: a program that makes more keeps its own group from being removed. */
#define DEEPEST 16
/* Milliseconds for processes that were killed to be gone. */
#define PATIENCE 3000

void cgroup_init(struct cgroup *cgroup)
{
    cgroup->directory = cgroup->entry = -1;
    cgroup->path[0] = '\0';
}

int cgroup_open(struct cgroup *cgroup, const struct plan *plan, struct failure *failure)
{
    struct statfs filesystem;
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_CGROUP);
    if (record == NULL)
        return 0;
    if (record->length[0] >= sizeof(cgroup->path))
        return fail(failure, ENAMETOOLONG, "open", "control group");
    memcpy(cgroup->path, record->argv[0], record->length[0] + 1);
    cgroup->directory = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (cgroup->directory < 0)
        return fail(failure, errno, "open", "%s", cgroup->path);
    if (fstatfs(cgroup->directory, &filesystem) < 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC)
        return fail(failure, EINVAL, "open", "%s: it is no control group", cgroup->path);
    cgroup->entry = openat(cgroup->directory, "cgroup.procs", O_RDWR | O_CLOEXEC);
    if (cgroup->entry < 0)
        return fail(failure, errno, "open", "%s/cgroup.procs", cgroup->path);
    return 0;
}

int cgroup_enter(struct cgroup *cgroup, struct failure *failure)
{
    if (cgroup->entry < 0)
        return 0;
    /* "0" is whoever writes it, in whichever pid namespace. */
    if (write(cgroup->entry, "0", 1) < 0)
        return fail(failure, errno, "enter", "control group %s", cgroup->path);
    drop_fd(&cgroup->entry);
    return 0;
}

void cgroup_leave_to_monitor(struct cgroup *cgroup)
{
    drop_fd(&cgroup->directory);
}

bool cgroup_is_frozen(const struct cgroup *cgroup)
{
    char word = '0';
    cleanup_close int fd = cgroup->directory < 0
                               ? -1
                               : openat(cgroup->directory, "cgroup.freeze", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &word, 1) == 1 && word == '1';
}

static int write_file(int directory, const char *name, const char *text)
{
    cleanup_close int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* What is listed at the beginning, in whole lines. */
static size_t read_list(const struct cgroup *cgroup, char text[4096])
{
    ssize_t length = pread(cgroup->entry, text, 4095, 0);
    while (length > 0 && text[length - 1] != '\n')
        length--;
    text[length > 0 ? length : 0] = '\0';
    return strlen(text);
}

static bool is_listed(const struct cgroup *cgroup, const char *wanted)
{
    char text[4096], *rest = NULL;
    read_list(cgroup, text);
    char *word = strtok_r(text, "\n", &rest);
    while (word != NULL && strcmp(word, wanted) != 0)
        word = strtok_r(NULL, "\n", &rest);
    return word != NULL;
}

/* Held before it is looked at again: its number may have become another's meanwhile. */
static void kill_one(const struct cgroup *cgroup, const char *word)
{
    uint64_t pid;
    if (!number_parse(word, 10, INT32_MAX, &pid) || pid <= 1)
        return;
    cleanup_close int held = kernel_pidfd_open((pid_t)pid);
    if (held >= 0 && is_listed(cgroup, word))
        kernel_pidfd_send_signal(held, SIGKILL);
    else if (held < 0 && errno == ENOSYS) /* before Linux 5.3 */
        kill((pid_t)pid, SIGKILL);
}

/* Kernels before 5.14 have no cgroup.kill: what is listed is killed, until nothing is. */
static void kill_listed(const struct cgroup *cgroup)
{
    for (int round = 0; round < 100; round++) {
        char text[4096], *rest = NULL;
        if (read_list(cgroup, text) == 0)
            return;
        for (char *word = strtok_r(text, "\n", &rest); word; word = strtok_r(NULL, "\n", &rest))
            kill_one(cgroup, word);
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
}

void cgroup_kill(const struct cgroup *cgroup)
{
    if (cgroup->directory >= 0 && write_file(cgroup->directory, "cgroup.kill", "1") < 0 &&
        errno == ENOENT)
        kill_listed(cgroup);
}

/* Directories only: the files in one go with it. */
static void remove_below(int directory, int depth)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) {
        drop_fd(&copy);
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        cleanup_close int child =
            openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child >= 0 && depth < DEEPEST)
            remove_below(child, depth + 1);
        unlinkat(directory, entry->d_name, AT_REMOVEDIR);
    }
    closedir(entries);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until "populated 0": the kernel notifies readers of cgroup.events. */
static void await_empty(const struct cgroup *cgroup)
{
    int64_t until = now_ms() + PATIENCE;
    cleanup_close int fd = openat(cgroup->directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
    while (fd >= 0) {
        char text[256];
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        int64_t left = until - now_ms();
        text[length > 0 ? length : 0] = '\0';
        if (strstr(text, "populated 1") == NULL || left <= 0)
            return;
        struct pollfd changed = {.fd = fd, .events = POLLPRI};
        poll(&changed, 1, (int)left);
    }
}

void cgroup_remove(struct cgroup *cgroup)
{
    if (cgroup->directory < 0)
        return;
    cgroup_kill(cgroup);
    await_empty(cgroup);
    remove_below(cgroup->directory, 0);
    rmdir(cgroup->path);
    drop_fd(&cgroup->directory);
    drop_fd(&cgroup->entry);
}
