#include "lifeline.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit caller_limit;
static bool is_forbidden;

void lifeline_tie(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It has ended before the kernel knew. */
    if (getppid() != parent)
        _exit(1);
}

void lifeline_forbid_core(void)
{
    if (is_forbidden || getrlimit(RLIMIT_CORE, &caller_limit) < 0)
        return;
    struct rlimit none = {0, caller_limit.rlim_max};
    is_forbidden = setrlimit(RLIMIT_CORE, &none) == 0;
}

void lifeline_restore_core(void)
{
    if (is_forbidden)
        setrlimit(RLIMIT_CORE, &caller_limit);
    is_forbidden = false;
}
