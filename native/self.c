#include "self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

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

int self_seal(char **argv, struct failure *failure)
{
    static char name[] = "tsman-monitor";
    cleanup_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (program < 0)
        return fail(failure, errno, "open", "/proc/self/exe");
    int seals = fcntl(program, F_GET_SEALS);
    if (seals >= 0 && (seals & SEALS) == SEALS)
        return 0;
    (void)argv;

    /* MFD_EXEC: since Linux 6.3 a system may make memory files not executable by
       default (sysctl vm.memfd_noexec); older kernels refuse the flag. */
    cleanup_close int copy =
        kernel_memfd_create("tsman-native", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (copy < 0 && errno == EINVAL)
        copy = kernel_memfd_create("tsman-native", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0)
        return fail(failure, errno, "memfd_create", "tsman-native");
    if (copy_program(program, copy, failure) < 0)
        return -1;
    /* Others too: --init executes it as the container's user (dumb-init.h). */
    if (fchmod(copy, 0555) < 0)
        return fail(failure, errno, "chmod", "memory copy of tsman-native");
    if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
        return fail(failure, errno, "seal", "memory copy of tsman-native");
    char title[sizeof(blank)];
    memcpy(title, blank, sizeof(blank));
    char verb[] = "monitor";
    char *arguments[] = {name, verb, title, NULL};
    extern char **environ;
    kernel_execveat(copy, "", arguments, environ, AT_EMPTY_PATH);
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
