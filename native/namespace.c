#include "namespace.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "protocol.h"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static const struct {
    const char *name, *file;
    int flag;
    const char *limit;
} namespaces[] = {
    {"user", "user", CLONE_NEWUSER, "/proc/sys/user/max_user_namespaces"},
    {"mount", "mnt", CLONE_NEWNS, "/proc/sys/user/max_mnt_namespaces"},
    {"cgroup", "cgroup", CLONE_NEWCGROUP, "/proc/sys/user/max_cgroup_namespaces"},
    {"uts", "uts", CLONE_NEWUTS, "/proc/sys/user/max_uts_namespaces"},
    {"ipc", "ipc", CLONE_NEWIPC, "/proc/sys/user/max_ipc_namespaces"},
    {"network", "net", CLONE_NEWNET, "/proc/sys/user/max_net_namespaces"},
    {"pid", "pid", CLONE_NEWPID, "/proc/sys/user/max_pid_namespaces"},
    {"time", "time", CLONE_NEWTIME, "/proc/sys/user/max_time_namespaces"},
};
#define COUNT (sizeof(namespaces) / sizeof(namespaces[0]))

int namespace_flag(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(namespaces[i].name, name) == 0)
            return namespaces[i].flag;
    }
    return 0;
}

int namespace_flags_that_differ(const char *pid, int among, struct failure *failure)
{
    int flags = 0;
    for (size_t i = 0; i < COUNT; i++) {
        char own[64], path[64];
        struct stat ours, its;
        if (!(among & namespaces[i].flag))
            continue;
        snprintf(own, sizeof(own), "/proc/self/ns/%s", namespaces[i].file);
        snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, namespaces[i].file);
        /* A kernel without this kind (time namespaces: Linux 5.6). */
        if (stat(own, &ours) < 0) {
            if (errno == ENOENT)
                continue;
            return fail(failure, errno, "look at", "%s", own);
        }
        if (stat(path, &its) < 0)
            return fail(failure, errno == ENOENT ? ESRCH : errno, "look at", "%s", path);
        if (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino)
            flags |= namespaces[i].flag;
    }
    return flags;
}

int namespace_unshare_flags(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_UNSHARE);
    int flags = 0;
    for (unsigned i = 0; record != NULL && i < record->argc; i++) {
        int flag = namespace_flag(record->argv[i]);
        if (flag == 0)
            return fail(failure, EINVAL, "unshare", "%s", record->argv[i]);
        flags |= flag;
    }
    return flags;
}

int namespace_unshare(int flags, struct failure *failure)
{
    if (flags == 0 || unshare(flags) == 0)
        return 0;
    int error = errno;
    char names[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (!(flags & namespaces[i].flag))
            continue;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? "," : "",
                                 namespaces[i].name);
        /* ENOSPC: a limit of user namespaces or of this kind (namespaces(7)). */
        if (error == ENOSPC)
            failure_detail_file(failure, namespaces[i].limit);
    }
    if ((flags & CLONE_NEWUSER) && (error == EPERM || error == EACCES)) {
        failure_detail_file(failure, "/proc/sys/kernel/unprivileged_userns_clone");
        failure_detail_file(failure, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
        failure_detail_file(failure, "/proc/sys/user/max_user_namespaces");
    }
    return fail(failure, error, "unshare", "%s", names);
}

/* Not every kernel header has them: struct mnt_ns_info, and of linux/pidfd.h the way to one's own
   that takes no /proc (Linux 6.11). */
struct mount_namespace_info {
    uint32_t size;
    uint32_t mounts;
    uint64_t id;
};
#define OWN_MOUNT_NAMESPACE      _IO(0xff, 3)
#define PREVIOUS_MOUNT_NAMESPACE _IOR(0xb7, 12, struct mount_namespace_info)

bool namespace_finds_mounts(void)
{
    struct mount_namespace_info info = {.size = sizeof(info)};
    cleanup_close int self = kernel_pidfd_open(getpid());
    cleanup_close int own = self < 0 ? -1 : ioctl(self, (int)OWN_MOUNT_NAMESPACE, 0);
    /* They are sorted by age, and our own is the youngest or nearly so. */
    cleanup_close int other = own < 0 ? -1 : ioctl(own, (int)PREVIOUS_MOUNT_NAMESPACE, &info);
    return other >= 0;
}
