#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "departure.h"
#include "hook.h"
#include "joined-proc.h"
#include "memory.h"
#include "order.h"
#include "process.h"
#include "protocol.h"
#include "pty.h"
#include "step.h"
#include "sync.h"
#include "verify-init.h"

void init_warn(const struct init *init, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (init->departed)
        departure_warn(init, text);
    else
        sync_send_warning(init->channels.sync, text);
}

static int await_caller(struct init *init)
{
    struct order order;
    sync_send(init->channels.sync, SYNC_CALLER_WANTED, init->is_outside, -1);
    if (order_await(init->channels.orders, ORDER_GO_ON, &order) < 0)
        _exit(1); /* the monitor is gone or has given up */
    return 0;
}

static int run_step(struct init *init, const struct plan_record *step)
{
    switch (step->op) {
    case TSMAN_OP_PROPAGATION:
    case TSMAN_OP_ROOT_PROPAGATION:
        return step_propagation(init, step);
    case TSMAN_OP_ROOT_OVERLAY:
        return step_root_overlay(init, step);
    case TSMAN_OP_ROOT_BIND:
        return step_root_bind(init, step);
    case TSMAN_OP_ENTER_ROOT:
        return step_enter_root(init);
    case TSMAN_OP_MOUNT:
        return step_mount(init, step);
    case TSMAN_OP_BIND:
        return step_bind(init, step);
    case TSMAN_OP_MKDIR:
        return step_mkdir(init, step);
    case TSMAN_OP_SYMLINK:
        return step_symlink(init, step);
    case TSMAN_OP_WRITE_FILE:
        return step_write_file(init, step);
    case TSMAN_OP_DEVICE:
        return step_device(init, step);
    case TSMAN_OP_MASK:
        return step_mask(init, step);
    case TSMAN_OP_OVERLAY:
        return step_overlay(init, step);
    case TSMAN_OP_CHANGE_MOUNT:
        return step_change_mount(init, step);
    case TSMAN_OP_READONLY:
        return step_readonly(init, step);
    case TSMAN_OP_SYSCTL:
        return step_sysctl(init, step);
    case TSMAN_OP_HOSTNAME:
        return sethostname(step->argv[0], step->length[0]) < 0
                   ? fail(&init->failure, errno, "sethostname", "%s", step->argv[0])
                   : 0;
    case TSMAN_OP_DOMAINNAME:
        return setdomainname(step->argv[0], step->length[0]) < 0
                   ? fail(&init->failure, errno, "setdomainname", "%s", step->argv[0])
                   : 0;
    case TSMAN_OP_CONSOLE:
        return pty_console(init);
    case TSMAN_OP_LOOPBACK:
        return step_loopback(init);
    case TSMAN_OP_PIVOT:
        return step_pivot(init);
    case TSMAN_OP_COPY_UP:
        return step_copy_up(init, step);
    case TSMAN_OP_ROOT_READONLY:
        return step_root_readonly(init);
    case TSMAN_OP_CALLER:
        return await_caller(init);
    case TSMAN_OP_MKNOD:
        return step_mknod(init, step);
    case TSMAN_OP_HOOK:
        return step_hook(init, step);
    default:
        return process_step(init, step);
    }
}

/* A filter may deny exit_group(2) too, and the C library would try for ever. */
_Noreturn static void end(void)
{
    syscall(SYS_exit_group, 1);
    __builtin_trap();
}

_Noreturn void init_give_up(struct init *init, const struct plan_record *step)
{
    if (init->blamed != NULL)
        step = init->blamed;
    failure_stage(&init->failure, init->is_executing ? "exec" : "init");
    init->failure.step = step ? (int32_t)(step - init->plan->steps) : -1;
    if (init->departed)
        departure_fail(init);
    else
        sync_send_failure(init->channels.sync, &init->failure);
    end();
}

struct init *init_begin(const struct plan *plan, const struct channels *channels,
                        const int program[3])
{
    static struct init init;
    init.plan = plan;
    init.channels = *channels;
    memcpy(init.program, program, sizeof(init.program));
    init.root = init.old_root = init.new_root = init.masked_directory = init.tty = -1;
    init.proc_self = init.self = init.status = -1;
    init.wants_tty = plan_setting(plan, TSMAN_SET_TTY) != NULL;
    umask(0022);
    if (plan_step(plan, TSMAN_OP_ENTER_ROOT) != NULL) {
        init.proc_self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (plan_setting(plan, TSMAN_SET_DUMB_INIT) != NULL)
            init.self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    } else {
        /* Joined, not made: the mount namespace's root is the container's, and so is
           /proc, which is whatever the container has made of it. */
        init.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (init.root < 0) {
            fail(&init.failure, errno, "open", "/");
            init_give_up(&init, NULL);
        }
    }
    return &init;
}

void init_steps(struct init *init, size_t end)
{
    for (; init->next < end; init->next++) {
        const struct plan_record *step = &init->plan->steps[init->next];
        if (init->is_outside && joined_proc_awaits(step))
            continue;
        if (run_step(init, step) < 0)
            init_give_up(init, step);
    }
}

_Noreturn void init_run(struct init *init, bool sees_host)
{
    prctl(PR_SET_NAME, "tsman-init");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A session of its own, so that the program can have a controlling terminal
       and no signal of the monitor's group reaches it. */
    setsid();
    if (verify_begin(init, sees_host) < 0)
        init_give_up(init, NULL);
    joined_proc_settle(init);
    init_steps(init, init->plan->steps_count);
    _exit(1); /* not reached: the last step is EXEC */
}
