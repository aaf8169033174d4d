/*
 * filter-time FILE [TIMES]
 *
 * How long a compiled filter of the cache (CACHE/seccomp/NAME.bpf: its rules, a NUL, the program)
 * takes to be read, and to be loaded: each time in a new process, as for a container.  Prints
 * medians in microseconds.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 10000

struct sample {
    double read, load;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* The number of instructions, or 0. */
static size_t measure(const char *path, struct sample *sample)
{
    static char bytes[1 << 18];
    const double start = now();
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, bytes, sizeof(bytes));
    const char *end = size <= 0 ? NULL : memchr(bytes, '\0', (size_t)size);
    const double found = now();
    close(file);
    if (end == NULL)
        return 0;
    /* Aligned, which what is behind some text is not. */
    static struct sock_filter program[BPF_MAXINSNS];
    const size_t length = (size_t)(bytes + size - end - 1) / sizeof(program[0]);
    if (length > BPF_MAXINSNS)
        return 0;
    memcpy(program, end + 1, length * sizeof(program[0]));
    const struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
    const double ready = now();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        return 0;
    *sample = (struct sample){found - start, now() - ready};
    return length;
}

static int by_read(const void *one, const void *other)
{
    const double a = ((const struct sample *)one)->read, b = ((const struct sample *)other)->read;
    return (a > b) - (a < b);
}

static int by_load(const void *one, const void *other)
{
    const double a = ((const struct sample *)one)->load, b = ((const struct sample *)other)->load;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    const int times = argc > 2 ? atoi(argv[2]) : 400;
    struct shared {
        size_t length;
        struct sample samples[MOST];
    } *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 2 || times < 1 || times > MOST || shared == MAP_FAILED)
        return 2;
    for (int i = 0; i < times; i++) {
        pid_t pid = fork();
        int status = 0;
        if (pid == 0) {
            shared->length = measure(argv[1], &shared->samples[i]);
            _exit(shared->length == 0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
            fprintf(stderr, "filter-time: %s cannot be loaded\n", argv[1]);
            return 1;
        }
    }
    qsort(shared->samples, (size_t)times, sizeof(shared->samples[0]), by_read);
    const double read_time = shared->samples[times / 2].read;
    qsort(shared->samples, (size_t)times, sizeof(shared->samples[0]), by_load);
    printf("%zu instructions: read %.0f us, load %.0f us (fastest %.0f)\n", shared->length,
           read_time, shared->samples[times / 2].load, shared->samples[0].load);
    return 0;
}
