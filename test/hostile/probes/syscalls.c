/*
 * Tries system calls that a container must not have, and says for each what came of it:
 * "NAME ERRNO", with errno 0 for success.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Some of them would succeed for the host's root. */
static int is_confined(void)
{
    char map[128] = "";
    int fd = open("/proc/self/uid_map", O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, map, sizeof(map) - 1);
    if (fd >= 0)
        close(fd);
    return length > 0 && strstr(map, "4294967295") == NULL;
}

static void say(const char *name, long result)
{
    printf("%s %d\n", name, result < 0 ? errno : 0);
}

#define TRY(name, ...) say(name, syscall(__VA_ARGS__))

#ifdef __x86_64__
/* By the gate of 32-bit programs, numbers of i386; ENOSYS where the kernel has none. */
static void try_i386(const char *name, int number, long a, long b)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        long result = number;
        __asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(0L) : "memory");
        _exit(result < 0 ? (int)-result : 0);
    }
    waitpid(pid, &status, 0);
    printf("%s %d\n", name, WIFEXITED(status) ? WEXITSTATUS(status) : ENOSYS);
}
#endif

int main(int argc, char **argv)
{
    char character = 'x', buffer[256] = {2};
    unsigned long high = 0xffffffff00000000ul;
    if (!is_confined()) {
        fputs("syscalls: not in a user namespace\n", stderr);
        return 3;
    }
    /* What a filter that compares 64 bits lets pass, the kernel takes as 32. */
    TRY("TIOCSTI", SYS_ioctl, 0, (unsigned long)TIOCSTI, &character);
    TRY("TIOCSTI-high-bits", SYS_ioctl, 0, (unsigned long)TIOCSTI | high, &character);
    TRY("TIOCSTI-one-high-bit", SYS_ioctl, 0, (unsigned long)TIOCSTI | 1ul << 32, &character);
    TRY("TIOCLINUX", SYS_ioctl, 0, 0x541cul, buffer);
    TRY("TIOCLINUX-high-bits", SYS_ioctl, 0, 0x541cul | high, buffer);
    TRY("add_key", SYS_add_key, "user", "x", "y", 1, -2);
    TRY("request_key", SYS_request_key, "user", "x", NULL, -2);
    TRY("keyctl", SYS_keyctl, 0, -3, 0, 0, 0);
    TRY("bpf", SYS_bpf, 0, buffer, 64);
    TRY("perf_event_open", SYS_perf_event_open, buffer, 0, -1, -1, 0);
    TRY("userfaultfd", SYS_userfaultfd, 0);
    TRY("io_uring_setup", 425, 8, buffer);
    TRY("io_uring_enter", 426, -1, 0, 0, 0, NULL, 0);
    TRY("io_uring_register", 427, -1, 0, NULL, 0);
    TRY("kexec_load", SYS_kexec_load, 0, 0, NULL, 0);
    TRY("init_module", SYS_init_module, buffer, 1, "");
    TRY("finit_module", SYS_finit_module, -1, "", 0);
    TRY("delete_module", SYS_delete_module, "x", 0);
    TRY("open_by_handle_at", SYS_open_by_handle_at, -1, buffer, 0);
    TRY("mount", SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
    TRY("umount2", SYS_umount2, "/proc", 0);
    TRY("pivot_root", SYS_pivot_root, "/", "/");
    TRY("unshare-user", SYS_unshare, 0x10000000);
    TRY("setns", SYS_setns, -1, 0);
    TRY("clone3", 435, NULL, 0);
    TRY("clone-user", SYS_clone, 0x10000000 | 17, 0, 0, 0, 0);
    TRY("fsopen", 430, "tmpfs", 0);
    TRY("open_tree", 428, -100, "/", 1);
    TRY("move_mount", 429, -1, "", -1, "", 0);
    TRY("mount_setattr", 442, -1, "", 0, NULL, 0);
    TRY("ptrace-kernel", SYS_ptrace, 16, 1, 0, 0);
    TRY("acct", SYS_acct, NULL);
    TRY("swapon", SYS_swapon, "/x", 0);
    TRY("reboot", SYS_reboot, 0, 0, 0, NULL);
    TRY("settimeofday", SYS_settimeofday, NULL, NULL);
    TRY("quotactl", SYS_quotactl, 0, NULL, 0, NULL);
    TRY("unknown", 1023);
#ifdef __x86_64__
    TRY("x32-getpid", 0x40000000 | SYS_getpid);
    TRY("x32-ioctl", 0x40000000 | 514, 0, (unsigned long)TIOCSTI, &character);
#endif
#ifdef __x86_64__
    fflush(stdout); /* or each child would have what is not written yet */
    try_i386("i386-keyctl", 288, 0, -3);
    try_i386("i386-ioctl", 54, 0, TIOCSTI);
    try_i386("i386-unshare", 310, 0x10000000, 0);
    try_i386("i386-getpid-with-high-bit", 0x40000014, 0, 0);
#endif
    /* That the probe works at all. */
    TRY("getpid", SYS_getpid);
    if (argc > 1) {
        execv(argv[1], argv + 1);
        return 1;
    }
    return 0;
}
