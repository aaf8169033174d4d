#include "verify.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "facts.h"
#include "namespace.h"
#include "process-limits.h"
#include "process-stat.h"
#include "protocol.h"

static int unmet(struct failure *failure, const char *what, const char *why)
{
    failure_detail(failure, "%s", why);
    return fail(failure, 0, "verify", "%s", what);
}

static int verify_capabilities(const struct plan *plan, const struct facts *facts,
                               struct failure *failure)
{
    const struct plan_record *record = plan_step(plan, TSMAN_OP_CAPS);
    if (record == NULL)
        return 0;
    uint64_t most = plan_hex(record, 0);
    for (int i = INHERITABLE; i <= AMBIENT; i++) {
        if (facts->value[i] & ~most) {
            failure_detail(failure, "the program has more than it may: %s %llx of %llx",
                           fact_label(i), (unsigned long long)facts->value[i],
                           (unsigned long long)most);
            return fail(failure, 0, "verify", "capabilities");
        }
    }
    return 0;
}

static int verify_filter(const struct plan *plan, const struct facts *facts,
                         struct failure *failure)
{
    struct facts own;
    if (plan_step(plan, TSMAN_OP_SECCOMP) == NULL || !facts->known[FILTERS])
        return 0;
    /* Ours are inherited. */
    if (facts_read_of("self", &own) < 0)
        return fail(failure, errno, "read", "/proc/self/status");
    facts_release(&own);
    return facts->value[FILTERS] > own.value[FILTERS]
               ? 0
               : unmet(failure, "system call filter", "the program runs without it");
}

int verify_namespaces(const struct plan *plan, pid_t init, struct failure *failure)
{
    char pid[16];
    struct failure unseen = {0};
    bool joins = plan_setting(plan, TSMAN_SET_JOIN_PROCESS) != NULL;
    /* Of a container that shares its user namespace with its caller, the mounts at least
       are its own. */
    bool any = plan_setting(plan, TSMAN_SET_JOIN_ANY) != NULL;
    int wanted = !joins ? namespace_unshare_flags(plan, failure)
                 : any  ? CLONE_NEWNS
                        : CLONE_NEWUSER;
    if (wanted < 0)
        return -1;
    snprintf(pid, sizeof(pid), "%d", (int)init);
    int found = namespace_flags_that_differ(pid, wanted, &unseen);
    /* A process that has ended is in none any more. */
    if (found < 0 || found == wanted)
        return 0;
    return unmet(failure, "namespaces", "the program is in one of the host's");
}

static int verify(const struct plan *plan, pid_t init, const struct facts *facts,
                  struct failure *failure)
{
    if (verify_capabilities(plan, facts, failure) < 0 || verify_filter(plan, facts, failure) < 0 ||
        process_limits_verify(plan, init, failure) < 0 ||
        verify_namespaces(plan, init, failure) < 0)
        return -1;
    if (plan_step(plan, TSMAN_OP_NO_NEW_PRIVS) != NULL && facts->value[NO_NEW_PRIVS] == 0)
        return unmet(failure, "no_new_privs", "the program can gain privileges");
    return 0;
}

int verify_program(const struct plan *plan, pid_t init, struct failure *failure)
{
    char pid[16];
    struct facts facts;
    snprintf(pid, sizeof(pid), "%d", (int)init);
    if (facts_read_of(pid, &facts) < 0)
        return fail(failure, errno, "verify", "process %s", pid);
    facts_release(&facts);
    if (facts.ended || verify(plan, init, &facts, failure) == 0)
        return 0;
    /* What ends loses some of it, or never got it: it was killed before its execve. */
    if (!process_is_ending(init))
        return -1;
    memset(failure, 0, sizeof(*failure));
    return 0;
}
