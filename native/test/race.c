/* The linker hands these calls of what is tested over (--wrap of ld(1)). */
#include "race.h"

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

void (*race_before_unlink)(const char *name);
void (*race_after_unlink)(const char *name);
void (*race_before_pidfd)(int pid);

int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __real_kernel_pidfd_open(pid_t pid);
int __wrap_kernel_pidfd_open(pid_t pid);

int __wrap_unlinkat(int directory, const char *name, int flags)
{
    if (race_before_unlink != NULL)
        race_before_unlink(name);
    int result = __real_unlinkat(directory, name, flags), error = errno;
    if (race_after_unlink != NULL)
        race_after_unlink(name);
    errno = error;
    return result;
}

int __wrap_kernel_pidfd_open(pid_t pid)
{
    if (race_before_pidfd != NULL)
        race_before_pidfd(pid);
    return __real_kernel_pidfd_open(pid);
}
