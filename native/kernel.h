/*
 * System calls and constants that one of the C libraries we build with lacks.
 *
 * Names of our own (`kernel_`, `K_`) instead of the uapi ones: musl, glibc and
 * linux/mount.h define overlapping parts of them in ways that do not compile
 * together.  Every wrapper behaves like a libc call: -1 and errno.  A caller
 * that has a way to go on on an old kernel tests for ENOSYS itself; which
 * ways there are is said where the call is made.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* openat2(2), Linux 5.6 */
#define K_RESOLVE_NO_XDEV       0x01u
#define K_RESOLVE_NO_MAGICLINKS 0x02u
#define K_RESOLVE_NO_SYMLINKS   0x04u
#define K_RESOLVE_BENEATH       0x08u
#define K_RESOLVE_IN_ROOT       0x10u
int kernel_openat2(int directory, const char *path, uint64_t flags, uint64_t mode,
                   uint64_t resolve);

/* fsopen(2) and friends, Linux 5.2 */
#define K_FSCONFIG_SET_FLAG   0u
#define K_FSCONFIG_SET_STRING 1u
#define K_FSCONFIG_SET_FD     5u
#define K_FSCONFIG_CMD_CREATE 6u
#define K_OPEN_TREE_CLONE     1u
#define K_AT_RECURSIVE        0x8000u
#define K_MOVE_MOUNT_BOTH     (0x04u | 0x40u) /* F_EMPTY_PATH | T_EMPTY_PATH */
#define K_ATTR_RDONLY         0x01u
#define K_ATTR_NOSUID         0x02u
#define K_ATTR_NODEV          0x04u
#define K_ATTR_NOEXEC         0x08u
#define K_ATTR_ATIME          0x70u /* the mask of the three below; relatime is 0 */
#define K_ATTR_NOATIME        0x10u
#define K_ATTR_STRICTATIME    0x20u
#define K_ATTR_NODIRATIME     0x80u
#define K_ATTR_IDMAP          0x100000u
#define K_ATTR_NOSYMFOLLOW    0x200000u /* Linux 5.14 */
int kernel_fsopen(const char *type);
int kernel_fsconfig(int context, unsigned command, const char *key, const void *value, int aux);
int kernel_fsmount(int context, unsigned attributes);
int kernel_open_tree(int directory, const char *path, unsigned flags);
int kernel_move_mount(int from, int to);

/* mount_setattr(2), Linux 5.12 */
struct kernel_mount_attr {
    uint64_t set, clear, propagation, userns;
};
int kernel_mount_setattr(int mount, unsigned flags, const struct kernel_mount_attr *attr);

/* close_range(2), Linux 5.9 (CLOEXEC: 5.11) */
int kernel_close_range(unsigned first, unsigned last, unsigned flags);

/* statx(2) with STATX_MNT_ID, Linux 5.8: the mount that a descriptor belongs to */
int kernel_mount_id(int fd, uint64_t *id);
/* The same with STATX_ATTR_MOUNT_ROOT: whether something is mounted there.  1, 0, or -1. */
int kernel_is_mount_root(int fd);

int kernel_pivot_root(const char *new_root, const char *put_old);
int kernel_execveat(int directory, const char *path, char *const argv[], char *const envp[],
                    int flags);
/* pidfd_open(2), Linux 5.3; close-on-exec */
int kernel_pidfd_open(pid_t pid);
/* pidfd_send_signal(2), Linux 5.1 */
int kernel_pidfd_send_signal(int pidfd, int number);

int kernel_memfd_create(const char *name, unsigned flags);

/* clone(2) as fork(2) with flags added; 0 in the child.  Nothing of the C
   library's own bookkeeping (atfork, cached thread id) is updated: callers are
   single-threaded. */
pid_t kernel_fork(unsigned long flags);

/* capset(2) of the calling process, version 3. */
int kernel_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
/* capget(2) of the calling process */
int kernel_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int kernel_capget_permitted(uint64_t *permitted);

int kernel_seccomp_set_filter(unsigned flags, const void *program, unsigned short instructions);
int kernel_keyring_join_session(const char *name);

/* sched_setattr(2) of the calling process; the first version of the structure, Linux 3.14 */
struct kernel_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
int kernel_sched_setattr(const struct kernel_sched_attr *attr);
/* ioprio_set(2) of the calling process */
int kernel_ioprio_set(unsigned class, unsigned level);
