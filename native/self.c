#include "self.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "process-stat.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* How many monitors, at most, are asked for theirs. */
#define LOOKED_AT 16

/* Others too: --init executes it as the container's user (dumb-init.h). */
#define SHARED 0555
/* The sticky bit means nothing to the kernel here, and to us: not for others. */
#define NOT_SHARED (SHARED | S_ISVTX)

static char monitor_name[] = "tsman-monitor";

static const char blank[] = "                                                                ";

static int copy_program(int from, int to, struct failure *failure)
{
    struct stat status;
    if (fstat(from, &status) < 0)
        return fail(failure, errno, "stat", "/proc/self/exe");
    off_t copied = 0;
    while (copied < status.st_size) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)(status.st_size - copied));
        if (sent <= 0)
            return fail(failure, sent < 0 ? errno : EIO, "copy", "/proc/self/exe");
        copied += sent;
    }
    return 0;
}

static bool is_sealed(int program)
{
    int seals = fcntl(program, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS;
}

static void *map_program(int program, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, program, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Whether `copy`, whose bytes nobody can change any more, is what `program` is now. */
static bool is_copy(int copy, int program)
{
    struct stat ours, its;
    if (!is_sealed(copy) || fstat(program, &ours) < 0 || fstat(copy, &its) < 0 ||
        its.st_uid != geteuid() || (its.st_mode & 07777) != SHARED || ours.st_size != its.st_size ||
        ours.st_size <= 0)
        return false;
    size_t size = (size_t)ours.st_size;
    void *a = map_program(program, size), *b = map_program(copy, size);
    bool is_same = a != NULL && b != NULL && memcmp(a, b, size) == 0;
    if (a != NULL)
        munmap(a, size);
    if (b != NULL)
        munmap(b, size);
    return is_same;
}

/* The program of the monitor that `directory`/`name`/monitor tells of (rundir.h), or -1. */
static int open_program_of(int directory, const char *name)
{
    char path[300], text[64] = "", *end;
    if (snprintf(path, sizeof(path), "%s/monitor", name) >= (int)sizeof(path))
        return -1;
    cleanup_close int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
        return -1;
    long pid = strtol(text, &end, 10);
    /* Of another process that has the number by now it may be anything: a file of a container's
       FUSE that never answers whoever opens it. */
    if (pid <= 0 || pid > INT32_MAX || process_start_time((pid_t)pid) != strtoull(end, NULL, 10))
        return -1;
    snprintf(path, sizeof(path), "/proc/%ld/exe", pid);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The copy of another monitor: its pages are shared then, 270 kB each.  -1: there is none. */
static int find_copy(const char *siblings, int program)
{
    int left = LOOKED_AT;
    DIR *directory = opendir(siblings);
    if (directory == NULL)
        return -1;
    int found = -1;
    struct dirent *entry;
    while (found < 0 && left > 0 && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        left--;
        found = open_program_of(dirfd(directory), entry->d_name);
        if (found >= 0 && !is_copy(found, program))
            drop_fd(&found);
    }
    closedir(directory);
    return found;
}

static int fill_copy(int copy, int program, mode_t mode, struct failure *failure)
{
    if (copy_program(program, copy, failure) < 0)
        return -1;
    if (fchmod(copy, mode) < 0)
        return fail(failure, errno, "chmod", "memory copy of tsman-native");
    if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
        return fail(failure, errno, "seal", "memory copy of tsman-native");
    return 0;
}

static int make_copy(int program, mode_t mode, struct failure *failure)
{
    /* MFD_EXEC: since Linux 6.3 a system may make memory files not executable by
       default (sysctl vm.memfd_noexec); older kernels refuse the flag. */
    int copy = kernel_memfd_create("tsman-native", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (copy < 0 && errno == EINVAL)
        copy = kernel_memfd_create("tsman-native", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0)
        return fail(failure, errno, "memfd_create", "tsman-native");
    if (fill_copy(copy, program, mode, failure) == 0)
        return copy;
    close(copy);
    return -1;
}

/* Returns only to fail. */
static void execute(int copy)
{
    char title[sizeof(blank)];
    memcpy(title, blank, sizeof(blank));
    char verb[] = "monitor";
    char *arguments[] = {monitor_name, verb, title, NULL};
    extern char **environ;
    kernel_execveat(copy, "", arguments, environ, AT_EMPTY_PATH);
}

/*
 * Whether this process is such a copy.  A container has the file that its init was, as
 * `#!/proc/self/exe` or /proc/PID/exe, and where it has the caller's id it is the owner, who may
 * take the right to read it from everybody, even between our look and our execve.
 */
static bool is_in_copy(char **argv, int program)
{
    if (program >= 0)
        return is_sealed(program);
    return errno == EACCES && strcmp(argv[0], monitor_name) == 0;
}

int self_seal(char **argv, struct failure *failure)
{
    const bool shares = argv[2] != NULL && argv[2][0] == '/';
    cleanup_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (is_in_copy(argv, program)) {
        /* Nobody is who may not read it (begin_new_exec() in fs/exec.c), and then newuidmap would
           refuse what is forked here. */
        if (prctl(PR_GET_DUMPABLE) != 1)
            prctl(PR_SET_DUMPABLE, 1);
        return 0;
    }
    if (program < 0)
        return fail(failure, errno, "open", "/proc/self/exe");
    cleanup_close int found = shares ? find_copy(argv[2], program) : -1;
    if (found >= 0)
        execute(found);
    cleanup_close int copy = make_copy(program, shares ? SHARED : NOT_SHARED, failure);
    if (copy < 0)
        return -1;
    execute(copy);
    return fail(failure, errno, "execveat", "memory copy of tsman-native");
}

void self_title(char **argv, const char *title)
{
    if (argv[1] == NULL || argv[2] == NULL)
        return;
    size_t room = strlen(argv[2]);
    size_t length = strlen(title);
    memset(argv[2], 0, room);
    memcpy(argv[2], title, length < room ? length : room);
}
