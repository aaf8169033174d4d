#include "verify-init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "facts.h"
#include "memory.h"
#include "order.h"
#include "path.h"
#include "privileges.h"
#include "process-limits.h"
#include "protocol.h"
#include "sync.h"

int verify_begin(struct init *init, bool sees_host)
{
    init->is_unverified = true;
    if (!sees_host)
        return 0;
    init->status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return init->status < 0 ? fail(&init->failure, errno, "open", "/proc/self/status") : 0;
}

/* As the monitor sees us, whose user namespace may be another: its ids are not ours then.  Where
   /proc is mounted with hidepid it may see nothing. */
static int ask_monitor(struct init *init, struct facts *facts)
{
    struct order order = {0};
    sync_send(init->channels.sync, SYNC_STATUS_WANTED, 0, -1);
    if (order_await(init->channels.orders, ORDER_STATUS, &order) < 0)
        _exit(1); /* the monitor is gone */
    if (order.errnum != 0)
        return facts_ask(facts);
    memset(facts, 0, sizeof(*facts));
    memcpy(facts->value, order.value, sizeof(facts->value));
    facts->group_count = order.group_count;
    return facts_ask_ids(facts);
}

static int read_facts(struct init *init, struct facts *facts)
{
    int result = init->status >= 0 ? facts_read(init->status, facts)
                 : init->departed  ? facts_ask(facts)
                                   : ask_monitor(init, facts);
    drop_fd(&init->status);
    return result;
}

static int unmet(struct init *init, const char *why, const char *what, const char *path)
{
    failure_detail(&init->failure, "%s", why);
    return fail(&init->failure, 0, "verify", "%s%s", what, path);
}

/* A call that does nothing leaves zeros, which are of no file system and of no device. */
static bool is_read_only(int fd)
{
    struct statvfs filesystem = {0};
    return fstatvfs(fd, &filesystem) == 0 && (filesystem.f_flag & ST_RDONLY);
}

static bool is_masked(const struct init *init, int fd)
{
    struct stat status = {0}, empty = {0};
    struct statfs filesystem = {0};
    if (fstat(fd, &status) < 0)
        return false;
    if (!S_ISDIR(status.st_mode))
        return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
    /* One file system covers all of them, where the kernel lets it be cloned. */
    if (init->masked_directory >= 0)
        return fstat(init->masked_directory, &empty) == 0 && status.st_dev == empty.st_dev &&
               status.st_ino == empty.st_ino && is_read_only(fd);
    return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == TMPFS_MAGIC && is_read_only(fd);
}

static int verify_path(struct init *init, const struct plan_record *step)
{
    const bool mask = step->op == TSMAN_OP_MASK;
    const char *path = mask ? step->argv[1] : step->op == TSMAN_OP_READONLY ? step->argv[0] : "/";
    cleanup_close int fd = path_open(init->root, path, 0);
    /* Not there, and so there was nothing to do. */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return fail(&init->failure, errno, "verify", "%s", path);
    if (is_masked(init, fd))
        return 0; /* also of what is to be read-only: it was masked afterwards */
    if (mask)
        return unmet(init, "it is not masked", "masked path ", path);
    return is_read_only(fd) ? 0 : unmet(init, "it can be written to", "read-only path ", path);
}

int verify_paths(struct init *init)
{
    for (size_t i = 0; i < init->plan->steps_count; i++) {
        const struct plan_record *step = &init->plan->steps[i];
        const bool is_one = step->op == TSMAN_OP_MASK || step->op == TSMAN_OP_READONLY ||
                            step->op == TSMAN_OP_ROOT_READONLY;
        if (!is_one || verify_path(init, step) == 0)
            continue;
        init->blamed = step;
        return -1;
    }
    return 0;
}

static int compare_ids(const void *left, const void *right)
{
    const gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;
    return a < b ? -1 : a > b;
}

/* Sorts them, each once; how many there are. */
static size_t sort_groups(gid_t *groups, size_t count)
{
    size_t kept = 0;
    qsort(groups, count, sizeof(gid_t), compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || groups[i] != groups[kept - 1])
            groups[kept++] = groups[i];
    }
    return kept;
}

/* None too many, none too few. */
static bool has_groups(const struct user *user, const struct facts *facts)
{
    cleanup_free gid_t *wanted = malloc((user->group_count + 1) * sizeof(gid_t));
    if (wanted == NULL)
        return false;
    for (size_t i = 0; i < user->group_count; i++)
        wanted[i] = user->groups[i];
    const size_t count = sort_groups(wanted, user->group_count);
    return sort_groups(facts->groups, facts->group_count) == count &&
           memcmp(wanted, facts->groups, count * sizeof(gid_t)) == 0;
}

static int verify_ids(struct init *init, const struct facts *facts)
{
    const struct user *user = &init->user;
    if (!init->has_user)
        return 0;
    init->blamed = plan_step(init->plan, TSMAN_OP_USER);
    for (int i = 0; i < 4; i++) {
        if (facts->uid[i] != user->uid)
            return unmet(init, "the program would have another", "uid", "");
        if (facts->gid[i] != user->gid)
            return unmet(init, "the program would have another", "gid", "");
    }
    if (init->has_groups && !has_groups(user, facts))
        return unmet(init, "the program would have others", "additional groups", "");
    init->blamed = NULL;
    return 0;
}

static int verify_capabilities(struct init *init, const struct facts *facts)
{
    if (init->capabilities == NULL)
        return 0;
    const struct plan_record *step = init->capabilities;
    const uint64_t known = privileges_known(), own = known & ~privileges_withheld();
    const uint64_t wanted[] = {[INHERITABLE] = plan_hex(step, 3) & known,
                               [PERMITTED] = plan_hex(step, 2) & own,
                               [EFFECTIVE] = plan_hex(step, 1) & own,
                               [BOUNDING] = plan_hex(step, 0) & known,
                               [AMBIENT] = plan_hex(step, 4) & known};
    init->blamed = step;
    for (int i = INHERITABLE; i <= AMBIENT; i++) {
        /* Of the bounding set some may have been missing before. */
        uint64_t wrong = i == BOUNDING ? facts->value[i] & ~wanted[i] : facts->value[i] ^ wanted[i];
        if (wrong == 0)
            continue;
        failure_detail(&init->failure, "the program would have %s %llx, not %llx", fact_label(i),
                       (unsigned long long)facts->value[i], (unsigned long long)wanted[i]);
        return fail(&init->failure, 0, "verify", "capabilities");
    }
    init->blamed = NULL;
    return 0;
}

int verify_credentials(struct init *init, bool partly)
{
    struct facts facts;
    memset(&facts, 0, sizeof(facts));
    if (!init->is_unverified)
        return 0;
    init->is_unverified = false;
    int result =
        read_facts(init, &facts) < 0 ? fail(&init->failure, errno, "read", "/proc/self/status") : 0;
    if (result == 0)
        result = verify_ids(init, &facts);
    if (result == 0)
        result = process_limits_verify(init->plan, 0, &init->failure);
    if (result == 0 && !partly)
        result = verify_capabilities(init, &facts);
    if (result == 0 && !partly && init->no_new_privileges && facts.value[NO_NEW_PRIVS] != 1)
        result = unmet(init, "the program could gain privileges", "no_new_privs", "");
    facts_release(&facts);
    return result;
}
