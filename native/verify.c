#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory.h"
#include "namespace.h"
#include "protocol.h"

/* As 'State:' has it: a zombie, or not even that. */
static bool has_ended(const char *state)
{
    state += strspn(state, " \t");
    return *state == 'Z' || *state == 'X';
}

enum fact { INHERITABLE, PERMITTED, EFFECTIVE, BOUNDING, AMBIENT, NO_NEW_PRIVS, FILTERS, FACTS };

static const struct {
    const char *label;
    int base;
} labels[FACTS] = {
    [INHERITABLE] = {"CapInh:", 16},      [PERMITTED] = {"CapPrm:", 16},
    [EFFECTIVE] = {"CapEff:", 16},        [BOUNDING] = {"CapBnd:", 16},
    [AMBIENT] = {"CapAmb:", 16},          [NO_NEW_PRIVS] = {"NoNewPrivs:", 10},
    [FILTERS] = {"Seccomp_filters:", 10}, /* Linux 5.9 */
};

struct facts {
    uint64_t value[FACTS];
    bool known[FACTS];
    bool ended;
};

static void take_line(struct facts *facts, const char *line)
{
    if (strncmp(line, "State:", 6) == 0)
        facts->ended = has_ended(line + 6);
    for (int i = 0; i < FACTS; i++) {
        size_t length = strlen(labels[i].label);
        if (strncmp(line, labels[i].label, length) != 0)
            continue;
        facts->value[i] = strtoull(line + length, NULL, labels[i].base);
        facts->known[i] = true;
    }
}

/* Of proc_pid_status(5), in which one line, the groups, may be of any length. */
static int read_facts(const char *pid, struct facts *facts)
{
    char path[40], chunk[2048], line[64];
    size_t length = 0;
    ssize_t got;
    memset(facts, 0, sizeof(*facts));
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (chunk[i] != '\n') {
                if (length + 1 < sizeof(line))
                    line[length++] = chunk[i];
                continue;
            }
            line[length] = '\0';
            take_line(facts, line);
            length = 0;
        }
    }
    return got < 0 || !facts->known[BOUNDING] ? -1 : 0;
}

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
                           labels[i].label, (unsigned long long)facts->value[i],
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
    if (read_facts("self", &own) < 0)
        return fail(failure, errno, "read", "/proc/self/status");
    return facts->value[FILTERS] > own.value[FILTERS]
               ? 0
               : unmet(failure, "system call filter", "the program runs without it");
}

static int verify_limits(const struct plan *plan, pid_t init, struct failure *failure)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        /* Not filled in by a call that does nothing. */
        struct rlimit present = {RLIM_INFINITY, RLIM_INFINITY};
        if (step->op != TSMAN_OP_RLIMIT ||
            prlimit(init, (int)plan_number(step, 0), NULL, &present) < 0)
            continue;
        uint64_t most = plan_number(step, 2);
        if (most != UINT64_MAX && (present.rlim_max == RLIM_INFINITY || present.rlim_max > most))
            return unmet(failure, "resource limits", "the program has a higher one");
    }
    return 0;
}

static int verify_namespaces(const struct plan *plan, const char *pid, struct failure *failure)
{
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
    int found = namespace_flags_that_differ(pid, wanted, &unseen);
    /* A process that has ended is in none any more. */
    if (found < 0 || found == wanted)
        return 0;
    return unmet(failure, "namespaces", "the program is in one of the host's");
}

static int verify(const struct plan *plan, pid_t init, const char *pid, const struct facts *facts,
                  struct failure *failure)
{
    if (verify_capabilities(plan, facts, failure) < 0 || verify_filter(plan, facts, failure) < 0 ||
        verify_limits(plan, init, failure) < 0 || verify_namespaces(plan, pid, failure) < 0)
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
    if (read_facts(pid, &facts) < 0)
        return fail(failure, errno, "verify", "process %s", pid);
    if (facts.ended || verify(plan, init, pid, &facts, failure) == 0)
        return 0;
    /* What ends loses some of it, and was not looked at all at once. */
    if (read_facts(pid, &facts) < 0 || !facts.ended)
        return -1;
    memset(failure, 0, sizeof(*failure));
    return 0;
}
