/*
 * deny-syscall NAME[=ERROR[/[PLACE:]ARGUMENT]][,NAME...] PROGRAM [ARGUMENT...]
 *
 * Runs a program with the named system calls missing (ENOSYS), so that what is
 * done on older kernels is tested on a new one; or with another error, =0 to do nothing and say
 * that it was done, also for those only whose argument at this place, from 0 on, is this number;
 * the first, where no place is named.  Started as root it installs the filter without no_new_privs,
 * so that newuidmap keeps its privileges after a change of user in PROGRAM; else with it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_DENIED 32

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
    {"clone3", 435},
    {"close_range", 436},
    {"fsconfig", 431},
    {"fsmount", 432},
    {"fsopen", 430},
    {"move_mount", 429},
    {"open_tree", 428},
    {"openat2", 437},
    {"mount_setattr", 442},
    {"pidfd_open", 434},
    {"execveat", SYS_execveat},
    {"ioctl", SYS_ioctl},
    {"keyctl", SYS_keyctl},
    {"statx", SYS_statx},
    {"memfd_create", SYS_memfd_create},
    {"capset", SYS_capset},
    {"prctl", SYS_prctl},
    {"seccomp", SYS_seccomp},
    {"prlimit64", SYS_prlimit64},
    {"pwrite64", SYS_pwrite64},
    {"setgroups", SYS_setgroups},
    {"setresgid", SYS_setresgid},
    {"setresuid", SYS_setresuid},
};

static int find(const char *name, size_t length, unsigned *number)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0) {
            *number = calls[i].number;
            return 0;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct sock_filter program[4 * MAX_DENIED + 2];
    unsigned short used = 0;
    if (argc < 3) {
        fprintf(stderr,
                "usage: deny-syscall NAME[=ERROR[/[PLACE:]ARGUMENT]],... PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    const struct sock_filter number_of_call =
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    program[used++] = number_of_call;
    for (const char *name = argv[1]; *name;) {
        size_t word = strcspn(name, ","), length = strcspn(name, ",=");
        unsigned error = word == length ? ENOSYS : (unsigned)strtoul(name + length + 1, NULL, 10);
        unsigned number;
        if (find(name, length, &number) < 0 || used > 4 * MAX_DENIED - 4) {
            fprintf(stderr, "deny-syscall: %.*s: unknown\n", (int)length, name);
            return 125;
        }
        const char *slash = memchr(name, '/', word);
        const unsigned char skipped = slash ? 4 : 1;
        program[used++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, skipped);
        if (slash != NULL) {
            char *end;
            unsigned place = 0, argument = (unsigned)strtoul(slash + 1, &end, 10);
            if (*end == ':') {
                place = argument;
                argument = (unsigned)strtoul(end + 1, NULL, 10);
            }
            /* The lower half, on both architectures. */
            program[used++] = (struct sock_filter)BPF_STMT(
                BPF_LD | BPF_W | BPF_ABS,
                (unsigned)(offsetof(struct seccomp_data, args) + place * sizeof(uint64_t)));
            program[used++] =
                (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 0, 1);
        }
        program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
        if (slash != NULL)
            program[used++] = number_of_call;
        name += word + (name[word] == ',');
    }
    program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {used, program};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)) {
        fprintf(stderr, "deny-syscall: install filter: %s\n", strerror(errno));
        return 125;
    }
    execvp(argv[2], argv + 2);
    fprintf(stderr, "deny-syscall: execute %s: %s\n", argv[2], strerror(errno));
    return 126;
}
