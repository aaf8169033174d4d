#include "plan-order.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "hook.h"
#include "namespace.h"
#include "plan-grammar.h"
#include "protocol.h"

static bool acts_on_root(uint16_t op)
{
    return op == TSMAN_OP_COPY_UP || op == TSMAN_OP_MKNOD || op == TSMAN_OP_CHANGE_MOUNT ||
           op == TSMAN_OP_OVERLAY ||
           (op >= TSMAN_OP_MOUNT && op <= TSMAN_OP_ROOT_PROPAGATION && op != TSMAN_OP_HOSTNAME &&
            op != TSMAN_OP_DOMAINNAME && op != TSMAN_OP_LOOPBACK);
}

static uint8_t open_slots[TSMAN_MAX_OPENS];

static int check_slots(const struct plan *plan, uint16_t op, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, op, &position)) != NULL) {
        uint64_t slot = plan_number(record, 0);
        if (slot >= TSMAN_MAX_OPENS)
            return fail(failure, E2BIG, "parse plan", "slot %s: at most %u (TSMAN_MAX_OPENS)",
                        record->argv[0], TSMAN_MAX_OPENS);
        if (open_slots[slot])
            return fail(failure, EBADMSG, "parse plan", "slot %s is opened twice", record->argv[0]);
        open_slots[slot] = 1;
        if (op == TSMAN_SET_OPEN_MOUNT && plan_setting(plan, TSMAN_SET_JOIN_OWNER) == NULL)
            return fail(failure, EBADMSG, "parse plan", "slot %s: a mount of nobody",
                        record->argv[0]);
    }
    return 0;
}

static bool joins_kind(const struct plan *plan, int flag)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_JOIN, &position)) != NULL) {
        if (namespace_flag(record->argv[0]) == flag)
            return true;
    }
    return false;
}

static bool has_own(const struct plan *plan, int made, int flag)
{
    return (made & flag) != 0 || joins_kind(plan, flag);
}

/* Each once, made or joined; what belongs to one that is not made. */
static int check_namespaces(const struct plan *plan, struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    int made = namespace_unshare_flags(plan, failure), joined = 0;
    if (made < 0)
        return -1;
    while ((record = plan_next(plan, TSMAN_SET_JOIN, &position)) != NULL) {
        int flag = namespace_flag(record->argv[0]);
        if (flag == 0 || ((made | joined) & flag))
            return fail(failure, EBADMSG, "parse plan", "join: %.40s", record->argv[0]);
        joined |= flag;
    }
    /* Its offsets are in a file that is not ours any more when the right to write it comes. */
    if (plan_setting(plan, TSMAN_SET_TIME_OFFSET) != NULL &&
        (!(made & CLONE_NEWTIME) || (joined & CLONE_NEWUSER)))
        return fail(failure, EBADMSG, "parse plan", "time offset: %s",
                    made & CLONE_NEWTIME ? "in a user namespace that is joined"
                                         : "no time namespace is made");
    position = 0;
    while ((record = plan_next(plan, TSMAN_SET_OPEN_IDMAPPED, &position)) != NULL) {
        uint64_t triples = (record->argc - 4u) / 3, uids = plan_number(record, 3);
        if (uids == 0 || uids >= triples)
            return fail(failure, EBADMSG, "parse plan", "open idmapped: %s of %u ranges",
                        record->argv[3], (unsigned)triples);
    }
    /* A program of the host is not looked up in the mount namespace of a container. */
    if ((joined & CLONE_NEWNS) && plan_setting(plan, TSMAN_SET_STAGE_COMMAND) != NULL)
        return fail(failure, EBADMSG, "parse plan",
                    "a stage command in a mount namespace of others");
    if (plan_setting(plan, TSMAN_SET_SECCOMP_LISTENER) != NULL &&
        plan_step(plan, TSMAN_OP_SECCOMP) == NULL)
        return fail(failure, EBADMSG, "parse plan", "a listener for no filter");
    return 0;
}

/* Programs of the host in the container's namespaces: nobody who is there already may trace
   them (CVE-2016-9962). */
static bool is_hook_in_place(const struct plan *plan, const struct plan_record *record, int made,
                             bool inside)
{
    if (!hook_is_valid(record) || plan_setting(plan, TSMAN_SET_JOIN_PROCESS) != NULL)
        return false;
    if (hook_is_start(record))
        return !inside;
    return inside && ((made & CLONE_NEWPID) ||
                      !(joins_kind(plan, CLONE_NEWUSER) || joins_kind(plan, CLONE_NEWPID)));
}

int plan_check_order(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *record;
    memset(open_slots, 0, sizeof(open_slots));
    if (check_slots(plan, TSMAN_SET_OPEN, failure) < 0 ||
        check_slots(plan, TSMAN_SET_OPEN_MOUNT, failure) < 0 ||
        check_slots(plan, TSMAN_SET_OPEN_IDMAPPED, failure) < 0 ||
        check_namespaces(plan, failure) < 0)
        return -1;

    record = plan_setting(plan, TSMAN_SET_PRESERVE);
    if (record != NULL && plan_number(record, 0) > TSMAN_MAX_PRESERVED)
        return fail(failure, E2BIG, "parse plan", "more than %u descriptors (TSMAN_MAX_PRESERVED)",
                    TSMAN_MAX_PRESERVED);
    if (plan_setting(plan, TSMAN_SET_PASSTHROUGH) != NULL &&
        (plan_setting(plan, TSMAN_SET_TTY) != NULL || plan_setting(plan, TSMAN_SET_LOG) != NULL))
        return fail(failure, EBADMSG, "parse plan", "passthrough with a terminal or a log");
    if (joins_kind(plan, CLONE_NEWUSER) && plan_setting(plan, TSMAN_SET_NETWORK) != NULL &&
        plan_setting(plan, TSMAN_SET_JOIN_OWNER) == NULL)
        return fail(failure, EBADMSG, "parse plan", "namespaces of nobody, and a network");
    if (plan_setting(plan, TSMAN_SET_START_PIPES) != NULL &&
        (plan_setting(plan, TSMAN_SET_HOLD) == NULL ||
         plan_setting(plan, TSMAN_SET_RUN_DIR) == NULL))
        return fail(failure, EBADMSG, "parse plan", "start pipes without hold or run directory");
    bool joins = plan_setting(plan, TSMAN_SET_JOIN_PROCESS) != NULL;
    if (joins &&
        (plan_setting(plan, TSMAN_SET_UNSHARE) != NULL ||
         plan_setting(plan, TSMAN_SET_JOIN) != NULL || plan_setting(plan, TSMAN_SET_OPEN) != NULL ||
         plan_setting(plan, TSMAN_SET_JOIN_OWNER) != NULL ||
         plan_setting(plan, TSMAN_SET_NETWORK) != NULL ||
         plan_setting(plan, TSMAN_SET_STAGE_COMMAND) != NULL))
        return fail(failure, EBADMSG, "parse plan", "a process is joined as it is");

    const int made = namespace_unshare_flags(plan, failure);
    bool root = false, entered = false, pivoted = false;
    for (size_t i = 0; i < plan->steps_count; i++) {
        record = &plan->steps[i];
        bool wrong = false;
        switch (record->op) {
        /* Nothing of the host is changed, and the namespaces of a process that is joined are
           as their container made them. */
        case TSMAN_OP_PROPAGATION:
            wrong = !(made & CLONE_NEWNS);
            break;
        case TSMAN_OP_HOSTNAME:
        case TSMAN_OP_DOMAINNAME:
            wrong = joins || !has_own(plan, made, CLONE_NEWUTS);
            break;
        case TSMAN_OP_LOOPBACK:
            wrong = joins || !has_own(plan, made, CLONE_NEWNET);
            break;
        case TSMAN_OP_ROOT_OVERLAY:
        case TSMAN_OP_ROOT_BIND:
            /* A mount namespace that is joined has a root, and no slot can be bound there. */
            wrong = root || joins || !(made & CLONE_NEWNS);
            root = true;
            break;
        case TSMAN_OP_ENTER_ROOT:
            wrong = !root || entered;
            entered = true;
            break;
        case TSMAN_OP_CALLER:
            wrong = joins || pivoted;
            break;
        case TSMAN_OP_HOOK:
            wrong = !is_hook_in_place(plan, record, made, entered && !pivoted);
            break;
        case TSMAN_OP_PIVOT:
            wrong = !entered || pivoted;
            pivoted = true;
            break;
        case TSMAN_OP_EXEC:
            wrong = i + 1 != plan->steps_count || entered != pivoted || root != entered;
            break;
        default:
            /* A mount step before the new root is entered would act on the host's
               paths. */
            wrong = acts_on_root(record->op) && !entered;
        }
        if (wrong)
            return fail(failure, EBADMSG, "parse plan", "step %zu (%s) is out of order", i,
                        plan_name(record->op));
        for (unsigned n = 0; n < record->argc; n++) {
            uint64_t slot;
            char type = plan_operand_type(plan_grammar_of(record->op), n);
            if ((type == '@' || type == '?') && plan_is_slot(record->argv[n], &slot) &&
                !open_slots[slot])
                return fail(failure, EBADMSG, "parse plan", "step %zu: slot %s is not opened", i,
                            record->argv[n]);
        }
    }
    if (plan->steps_count == 0 || plan->steps[plan->steps_count - 1].op != TSMAN_OP_EXEC)
        return fail(failure, EBADMSG, "parse plan", "the last step is not exec");
    return 0;
}
