#include "kernel.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* System calls from 424 on have the same number on every architecture. */
#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define EMPTY_PATH 0x1000u /* AT_EMPTY_PATH */

int kernel_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {flags, mode, resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

int kernel_fsopen(const char *type)
{
    return (int)syscall(SYS_fsopen, type, 1u /* FSOPEN_CLOEXEC */);
}

int kernel_fsconfig(int context, unsigned command, const char *key, const void *value, int aux)
{
    return (int)syscall(SYS_fsconfig, context, command, key, value, aux);
}

int kernel_fsmount(int context, unsigned attributes)
{
    return (int)syscall(SYS_fsmount, context, 1u /* FSMOUNT_CLOEXEC */, attributes);
}

int kernel_open_tree(int directory, const char *path, unsigned flags)
{
    if (path[0] == '\0')
        flags |= EMPTY_PATH;
    return (int)syscall(SYS_open_tree, directory, path, flags | 02000000u /* O_CLOEXEC */);
}

int kernel_move_mount(int from, int to)
{
    return (int)syscall(SYS_move_mount, from, "", to, "", K_MOVE_MOUNT_BOTH);
}

int kernel_mount_setattr(int mount, unsigned flags, const struct kernel_mount_attr *attr)
{
    return (int)syscall(SYS_mount_setattr, mount, "", flags | EMPTY_PATH, attr, sizeof(*attr));
}

int kernel_close_range(unsigned first, unsigned last, unsigned flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

int kernel_mount_id(int fd, uint64_t *id)
{
    /* Of struct statx: stx_mask is the first member, stx_mnt_id at 144; C libraries
       declare it with and without the latter. */
    uint32_t words[64];
    const uint32_t mask = 0x1000u; /* STATX_MNT_ID */
    if (syscall(SYS_statx, fd, "", EMPTY_PATH, mask, words) < 0)
        return -1;
    if (!(words[0] & mask)) {
        errno = ENOSYS;
        return -1;
    }
    memcpy(id, words + 36, sizeof(*id));
    return 0;
}

int kernel_is_mount_root(int fd)
{
    /* stx_attributes is at 8, stx_attributes_mask at 56. */
    uint64_t words[32];
    const uint64_t mount_root = 0x2000u; /* STATX_ATTR_MOUNT_ROOT */
    if (syscall(SYS_statx, fd, "", EMPTY_PATH, 0u, words) < 0)
        return -1;
    if (!(words[7] & mount_root)) {
        errno = ENOSYS;
        return -1;
    }
    return (words[1] & mount_root) != 0;
}

int kernel_pivot_root(const char *new_root, const char *put_old)
{
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int kernel_execveat(int directory, const char *path, char *const argv[], char *const envp[],
                    int flags)
{
    return (int)syscall(SYS_execveat, directory, path, argv, envp, flags);
}

int kernel_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0u);
}

int kernel_pidfd_send_signal(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0u);
}

int kernel_memfd_create(const char *name, unsigned flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}

pid_t kernel_fork(unsigned long flags)
{
    /* The order of clone's last arguments differs between architectures; all of
       them are 0 here.  s390 and cris, which swap the first two, are not built. */
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

int kernel_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

int kernel_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    /* What a call leaves that does nothing is nobody's. */
    memset(data, -1, sizeof(data));
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

int kernel_capget_permitted(uint64_t *permitted)
{
    uint64_t effective, inheritable;
    return kernel_capget(&effective, permitted, &inheritable);
}

int kernel_seccomp_set_filter(unsigned flags, const void *program, unsigned short instructions)
{
    struct sock_fprog filter = {
        .len = instructions,
        .filter = (struct sock_filter *)(uintptr_t)program,
    };
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

int kernel_keyring_join_session(const char *name)
{
    return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
}

int kernel_sched_setattr(const struct kernel_sched_attr *attr)
{
    return (int)syscall(SYS_sched_setattr, 0, attr, 0u);
}

int kernel_ioprio_set(unsigned class, unsigned level)
{
    const unsigned class_shift = 13; /* IOPRIO_CLASS_SHIFT */
    return (int)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0,
                        class << class_shift | level);
}
