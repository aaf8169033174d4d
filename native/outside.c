#include "outside.h"

#include <errno.h>
#include <stdlib.h>

#include "descriptors.h"
#include "listener.h"
#include "memory.h"
#include "protocol.h"
#include "slots.h"

bool outside_leaves(uint16_t op)
{
    switch (op) {
    case TSMAN_OP_OOM_SCORE:
    case TSMAN_OP_RLIMIT:
    case TSMAN_OP_UMASK:
    case TSMAN_OP_USER:
    case TSMAN_OP_HOST_USER:
    case TSMAN_OP_CHDIR:
    case TSMAN_OP_CAPS:
    case TSMAN_OP_NO_NEW_PRIVS:
    case TSMAN_OP_SECCOMP:
    case TSMAN_OP_KEYRING:
    case TSMAN_OP_ENV:
    case TSMAN_OP_EXEC:
    case TSMAN_OP_HOOK:
    case TSMAN_OP_SCHEDULER:
    case TSMAN_OP_IO_PRIORITY:
    case TSMAN_OP_PERSONALITY:
    case TSMAN_OP_LABEL:
        return true;
    default:
        return false;
    }
}

/* How many steps, from the first on. */
static size_t count_steps(const struct plan *plan)
{
    size_t count = plan->steps_count;
    while (count > 0 && outside_leaves(plan->steps[count - 1].op))
        count--;
    return count;
}

static unsigned preserved(const struct plan *plan)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_PRESERVE);
    return record != NULL ? (unsigned)plan_number(record, 0) : 0;
}

/* Named is what stays, not what goes: a way back to the host must not be left by an oversight. */
static int let_go(struct init *init, const int *others, size_t count)
{
    const int *listener = listener_connection();
    const int own[] = {init->channels.sync,
                       init->channels.orders,
                       init->channels.start,
                       init->channels.started,
                       init->program[0],
                       init->program[1],
                       init->program[2],
                       init->root,
                       init->self,
                       init->tty,
                       init->masked_directory,
                       listener != NULL ? *listener : -1};
    const size_t own_count = sizeof(own) / sizeof(own[0]);
    const unsigned preserve = preserved(init->plan);
    cleanup_free int *kept = malloc((own_count + count + preserve) * sizeof(int));
    size_t used = 0;
    if (kept == NULL)
        return fail(&init->failure, ENOMEM, "close", "descriptors of the host");
    for (size_t i = 0; i < own_count; i++)
        kept[used++] = own[i];
    for (size_t i = 0; i < count; i++)
        kept[used++] = others[i];
    for (unsigned i = 0; i < preserve; i++)
        kept[used++] = TSMAN_CONTROL_FD + 1 + (int)i;
    slots_close();
    init->left_open_count = 0;
    return descriptors_close_others(3, kept, used) < 0
               ? fail(&init->failure, errno, "close", "descriptors of the host")
               : 0;
}

void outside_run(struct init *init, const int *others, size_t count)
{
    init->is_outside = true;
    init_steps(init, count_steps(init->plan));
    if (let_go(init, others, count) < 0)
        init_give_up(init, NULL);
    init->is_outside = false;
}
