import type { SeccompArgument } from "../../oci/runtime-spec.ts";
import type { ConditionalRule, SeccompProfile } from "../bundle.ts";
import { allExcept32 } from "./all-except.ts";

/** errno(3) on every architecture of Linux that has seccomp filters here. */
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** ioctl_tty(2): characters pushed into a terminal's input, and the console's paste buffer. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** Address families that reach past the network namespace: the hypervisor, the kernel's crypto. */
const AF_ALG = 38;
const AF_VSOCK = 40;
/** The CLONE_NEW* bits of clone(2): mount cgroup uts ipc user pid net. */
const newNamespaceFlags = [
  0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
];
const allNewNamespaces = newNamespaceFlags.reduce((all, bit) => all | bit, 0);

/**
 * What every program may call, by topic.  Names of all architectures together: the compiler leaves
 * out what an architecture does not have.
 */
const allowed: Readonly<Record<string, string>> = {
  "read and write":
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek " +
    "sendfile sendfile64 splice tee copy_file_range readahead fadvise64 fadvise64_64 " +
    "arm_fadvise64_64 sync_file_range sync_file_range2 arm_sync_file_range fsync fdatasync sync " +
    "syncfs",
  "open and close":
    "open openat openat2 creat close close_range dup dup2 dup3 pipe pipe2 fcntl fcntl64 flock " +
    "memfd_create memfd_secret name_to_handle_at",
  "names in directories":
    "link linkat symlink symlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir " +
    "mknod mknodat readlink readlinkat getdents getdents64 chdir fchdir getcwd umask",
  "facts about files":
    "stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs " +
    "fstatfs64 statmount listmount access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 " +
    "chown chown32 lchown lchown32 fchown fchown32 fchownat utime utimes utimensat " +
    "utimensat_time64 futimesat truncate truncate64 ftruncate ftruncate64 fallocate setxattr " +
    "lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr " +
    "flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat file_getattr",
  waiting:
    "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create " +
    "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 " +
    "eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark " +
    "signalfd signalfd4 timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime " +
    "timerfd_gettime64 io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents " +
    "io_pgetevents_time64",
  memory:
    "brk mmap mmap2 munmap mremap mprotect pkey_alloc pkey_free pkey_mprotect madvise mincore " +
    "mbind get_mempolicy set_mempolicy msync mlock mlock2 munlock mlockall munlockall mseal remap_file_pages membarrier " +
    "map_shadow_stack cachestat process_mrelease set_mempolicy_home_node",
  processes:
    "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid " +
    "getpgrp setpgid getsid setsid prctl ptrace process_vm_readv process_vm_writev pidfd_open " +
    "pidfd_getfd pidfd_send_signal set_tid_address set_thread_area get_thread_area " +
    "set_robust_list get_robust_list restart_syscall rseq uname nanosleep clock_nanosleep " +
    "clock_nanosleep_time64 pause",
  signals:
    "kill tkill tgkill signal sigaction rt_sigaction sigprocmask rt_sigprocmask sigpending " +
    "rt_sigpending rt_sigtimedwait rt_sigtimedwait_time64 sigsuspend rt_sigsuspend sigreturn " +
    "rt_sigreturn rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack alarm",
  locks: "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue",
  "ids and rights":
    "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 " +
    "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid " +
    "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid " +
    "setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset seccomp " +
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr " +
    "lsm_list_modules",
  scheduling:
    "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam " +
    "sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_min " +
    "sched_get_priority_max sched_rr_get_interval sched_rr_get_interval_time64 getpriority " +
    "setpriority ioprio_get ioprio_set getcpu getrlimit ugetrlimit setrlimit prlimit64 getrusage",
  clocks:
    "time gettimeofday times clock_gettime clock_gettime64 clock_getres clock_getres_time64 " +
    "adjtimex clock_adjtime clock_adjtime64 timer_create timer_delete timer_settime " +
    "timer_settime64 timer_gettime timer_gettime64 timer_getoverrun getitimer setitimer",
  sockets:
    "socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt " +
    "setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 " +
    // On 32-bit x86 this is how older C libraries make every socket call; it cannot be looked into.
    "socketcall",
  "System V and POSIX messages":
    "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl " +
    "shmdt shmget mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive " +
    "mq_timedreceive_time64 mq_notify mq_getsetattr",
  other: "getrandom sysinfo syslog",
  "of one architecture":
    "arch_prctl modify_ldt uretprobe riscv_flush_icache riscv_hwprobe breakpoint cacheflush " +
    "set_tls usr26 usr32 s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr " +
    "s390_guarded_storage s390_sthyi switch_endian",
};

/**
 * Refused with EPERM whatever the container's capabilities: not confined by namespaces, or a part
 * of the kernel that is seldom needed and often broken.  What stands in no list gets ENOSYS, so a
 * C library falls back to an older call.
 */
const refused =
  "add_key keyctl request_key userfaultfd io_uring_setup io_uring_enter io_uring_register " +
  "kexec_load kexec_file_load nfsservctl bdflush uselib ustat sysfs _sysctl vm86 vm86old " +
  "pciconfig_iobase pciconfig_read pciconfig_write get_kernel_syms create_module swapon swapoff " +
  "migrate_pages move_pages vmsplice";

/** Allowed with one of these capabilities in the container's bounding set, EPERM without any. */
const withCapability: readonly (readonly [capabilities: readonly string[], names: string])[] = [
  [
    ["CAP_SYS_ADMIN"],
    "mount umount umount2 pivot_root mount_setattr move_mount open_tree open_tree_attr fsopen " +
      "fsconfig fsmount fspick unshare setns sethostname setdomainname quotactl quotactl_fd " +
      "fanotify_init lookup_dcookie file_setattr",
  ],
  [["CAP_SYS_ADMIN", "CAP_BPF"], "bpf"],
  [["CAP_SYS_ADMIN", "CAP_PERFMON"], "perf_event_open"],
  [["CAP_SYS_CHROOT"], "chroot"],
  [["CAP_DAC_READ_SEARCH"], "open_by_handle_at"],
  [["CAP_SYS_MODULE"], "init_module finit_module delete_module query_module"],
  [["CAP_SYS_PACCT"], "acct"],
  [["CAP_SYS_PTRACE"], "kcmp process_madvise"],
  [["CAP_SYS_RAWIO"], "iopl ioperm"],
  [["CAP_SYS_TIME"], "settimeofday stime clock_settime clock_settime64"],
  [["CAP_SYS_TTY_CONFIG"], "vhangup"],
  [["CAP_SYS_BOOT"], "reboot"],
];

/** Execution domains that programs ask for: Linux, Linux32, each without randomised addresses, and "tell me". */
const personalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff];

const words = (text: string): string[] => text.split(" ");

function defaultRules(): ConditionalRule[] {
  const errno = (
    names: readonly string[],
    errnoRet: number,
    rest: Partial<ConditionalRule> = {},
  ): ConditionalRule => ({ names, action: "SCMP_ACT_ERRNO", errnoRet, ...rest });
  const allow = (
    names: readonly string[],
    args: readonly SeccompArgument[] = [],
    rest: Partial<ConditionalRule> = {},
  ): ConditionalRule => ({
    names,
    action: "SCMP_ACT_ALLOW",
    ...(args.length === 0 ? {} : { args }),
    ...rest,
  });
  return [
    allow(Object.values(allowed).flatMap(words)),
    errno(words(refused), EPERM),
    ...withCapability.flatMap(([capabilities, text]) => {
      const names = words(text);
      return [
        ...capabilities.map((name) => allow(names, [], { withCapabilities: [name] })),
        errno(names, EPERM, { withoutCapabilities: capabilities }),
      ];
    }),
    ...personalities.map((value) =>
      allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }]),
    ),
    // The kernel looks at the low 32 bits of these arguments only, so the filter must too (S28).
    ...allExcept32([TIOCSTI, TIOCLINUX]).map(({ mask, value }) =>
      allow(["ioctl"], [{ index: 1, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }]),
    ),
    ...[TIOCSTI, TIOCLINUX].map((value) =>
      errno(["ioctl"], EPERM, {
        args: [{ index: 1, value: 0xffff_ffff, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }],
      }),
    ),
    ...allExcept32([AF_ALG, AF_VSOCK]).map(({ mask, value }) =>
      allow(["socket"], [{ index: 0, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }]),
    ),
    ...[AF_ALG, AF_VSOCK].map((value) =>
      errno(["socket"], EAFNOSUPPORT, {
        args: [{ index: 0, value: 0xffff_ffff, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }],
      }),
    ),
    // New threads and processes for everybody, new namespaces for CAP_SYS_ADMIN.  clone3 hides its
    // flags behind a pointer, so it gets ENOSYS and C libraries fall back to clone.
    allow(["clone"], [], { withCapabilities: ["CAP_SYS_ADMIN"] }),
    // s390x swaps the first two arguments: clone(2), "C library/kernel differences".
    ...[
      { index: 0, where: { exceptArchitectures: ["s390", "s390x"] } },
      { index: 1, where: { onlyArchitectures: ["s390", "s390x"] } },
    ].flatMap(({ index, where }) => {
      const condition = { withoutCapabilities: ["CAP_SYS_ADMIN"], ...where };
      const flags = (value: number, valueTwo: number): SeccompArgument => ({
        index,
        value,
        valueTwo,
        op: "SCMP_CMP_MASKED_EQ",
      });
      return [
        allow(["clone"], [flags(allNewNamespaces, 0)], condition),
        ...newNamespaceFlags.map((bit) =>
          errno(["clone"], EPERM, { args: [flags(bit, bit)], ...condition }),
        ),
      ];
    }),
    errno(["clone3"], ENOSYS),
  ];
}

/** The filter of every container that asks for no other. */
export const defaultProfile: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: ENOSYS,
  rules: defaultRules(),
};
