#include "process-limits.h"

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>

#include "protocol.h"

/* As users write them: getrlimit(2) without RLIMIT_, in lower case. */
static const char *limit_name(int resource)
{
    static const char *const names[RLIM_NLIMITS] = {
        [RLIMIT_AS] = "as",
        [RLIMIT_CORE] = "core",
        [RLIMIT_CPU] = "cpu",
        [RLIMIT_DATA] = "data",
        [RLIMIT_FSIZE] = "fsize",
        [RLIMIT_LOCKS] = "locks",
        [RLIMIT_MEMLOCK] = "memlock",
        [RLIMIT_MSGQUEUE] = "msgqueue",
        [RLIMIT_NICE] = "nice",
        [RLIMIT_NOFILE] = "nofile",
        [RLIMIT_NPROC] = "nproc",
        [RLIMIT_RSS] = "rss",
        [RLIMIT_RTPRIO] = "rtprio",
        [RLIMIT_RTTIME] = "rttime",
        [RLIMIT_SIGPENDING] = "sigpending",
        [RLIMIT_STACK] = "stack",
    };
    bool known = resource >= 0 && resource < (int)RLIM_NLIMITS && names[resource] != NULL;
    return known ? names[resource] : "of another kernel";
}

/* What init itself needs more of than its program may have. */
static struct late_limit {
    int resource;
    bool is_asked;
    struct rlimit wanted;
} late_limits[] = {{.resource = RLIMIT_NOFILE}, {.resource = RLIMIT_AS}, {.resource = RLIMIT_DATA}};

enum { LATE_LIMITS = sizeof(late_limits) / sizeof(late_limits[0]) };

static rlim_t higher(rlim_t one, rlim_t other)
{
    return one > other ? one : other;
}

/* Takes what is more than there is, and leaves the rest until later. */
static int raise_limit(int resource, const struct rlimit *wanted)
{
    for (size_t i = 0; i < LATE_LIMITS; i++) {
        struct rlimit present;
        if (late_limits[i].resource != resource)
            continue;
        if (getrlimit(resource, &present) < 0)
            return -1;
        struct rlimit both = {higher(wanted->rlim_cur, present.rlim_cur),
                              higher(wanted->rlim_max, present.rlim_max)};
        if (setrlimit(resource, &both) < 0)
            return -1;
        late_limits[i].is_asked = true;
        late_limits[i].wanted = *wanted;
        return 0;
    }
    return setrlimit(resource, wanted);
}

int process_limits_lower(struct init *init)
{
    for (size_t i = 0; i < LATE_LIMITS; i++) {
        const struct late_limit *late = &late_limits[i];
        if (late->is_asked && setrlimit(late->resource, &late->wanted) < 0)
            return fail(&init->failure, errno, "set limit", "%s", limit_name(late->resource));
    }
    return 0;
}

int process_limit_set(struct init *init, const struct plan_record *step)
{
    int resource = (int)plan_number(step, 0);
    uint64_t soft = plan_number(step, 1), hard = plan_number(step, 2);
    struct rlimit wanted = {soft == UINT64_MAX ? RLIM_INFINITY : (rlim_t)soft,
                            hard == UINT64_MAX ? RLIM_INFINITY : (rlim_t)hard};
    struct rlimit present;
    if (raise_limit(resource, &wanted) == 0)
        return 0;
    if (errno == EPERM && plan_setting(init->plan, TSMAN_SET_STRICT) != NULL) {
        failure_detail(&init->failure, "the hard limit is above the caller's");
        return fail(&init->failure, EPERM, "set limit", "%s", limit_name(resource));
    }
    if (errno != EPERM || getrlimit(resource, &present) < 0)
        return fail(&init->failure, errno, "set limit", "%s", limit_name(resource));
    wanted.rlim_max = present.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max;
    if (raise_limit(resource, &wanted) < 0)
        return fail(&init->failure, errno, "set limit", "%s", limit_name(resource));
    init_warn(init, "limit %s: the hard limit %s is above the caller's, which is %llu",
              limit_name(resource), step->argv[2], (unsigned long long)present.rlim_max);
    return 0;
}

bool process_limit_is_set(const struct plan *plan, int resource)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        if (step->op == TSMAN_OP_RLIMIT && plan_number(step, 0) == (uint64_t)resource)
            return true;
    }
    return false;
}

int process_limits_verify(const struct plan *plan, pid_t pid, struct failure *failure)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const struct plan_record *step = &plan->steps[i];
        /* Not filled in by a call that does nothing. */
        struct rlimit present = {RLIM_INFINITY, RLIM_INFINITY};
        if (step->op != TSMAN_OP_RLIMIT ||
            prlimit(pid, (int)plan_number(step, 0), NULL, &present) < 0)
            continue;
        uint64_t most = plan_number(step, 2);
        if (most == UINT64_MAX || (present.rlim_max != RLIM_INFINITY && present.rlim_max <= most))
            continue;
        failure_detail(failure, "the program has a higher one");
        return fail(failure, 0, "verify", "resource limits");
    }
    return 0;
}
