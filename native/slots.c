#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "number.h"
#include "protocol.h"

/* Descriptor + 1, so that 0, the initial value, is "none". */
static int descriptors[TSMAN_MAX_OPENS];

int slots_descriptor(int slot)
{
    return slot < 0 || slot >= (int)TSMAN_MAX_OPENS ? -1 : descriptors[slot] - 1;
}

static int open_slot(const struct plan_record *record, bool late)
{
    const char *path = record->argv[1];
    if (!late)
        return open(path, O_PATH | O_CLOEXEC);
    size_t digits = strcspn(path, "/");
    uint64_t base;
    if (path[digits] == '\0' ||
        !number_parse_span(path + 1, digits - 1, 10, TSMAN_MAX_OPENS - 1, &base) ||
        slots_descriptor((int)base) < 0) {
        errno = EINVAL;
        return -1;
    }
    return openat(slots_descriptor((int)base), path + digits + 1, O_PATH | O_CLOEXEC);
}

static int check_kind(int fd, const char *kind)
{
    struct stat status;
    if (strcmp(kind, "any") == 0)
        return 0;
    if (fstat(fd, &status) < 0)
        return errno;
    if (strcmp(kind, "dir") == 0)
        return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
    if (strcmp(kind, "file") == 0)
        return S_ISDIR(status.st_mode) ? EISDIR : 0;
    return EINVAL;
}

int slots_set(const struct plan_record *record, int fd, struct failure *failure)
{
    int error = check_kind(fd, record->argv[2]);
    if (error != 0) {
        close(fd);
        return fail(failure, error, "open", "%s", record->argv[1]);
    }
    descriptors[plan_number(record, 0)] = fd + 1;
    return 0;
}

void slots_set_mount(const struct plan_record *record, int mount)
{
    descriptors[plan_number(record, 0)] = mount + 1;
}

int slots_take_mount(const struct plan *plan, int slot)
{
    size_t position;
    const struct plan_record *record;
    static const uint16_t kinds[] = {TSMAN_SET_OPEN_MOUNT, TSMAN_SET_OPEN_IDMAPPED};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        position = 0;
        while ((record = plan_next(plan, kinds[i], &position)) != NULL) {
            if (plan_number(record, 0) == (uint64_t)slot) {
                int mount = slots_descriptor(slot);
                descriptors[slot] = 0;
                return mount;
            }
        }
    }
    return -1;
}

static bool is_late(const struct plan_record *record)
{
    return record->argv[1][0] == '@';
}

int slots_open(const struct plan *plan, enum slots_phase phase, bool skip_denied,
               struct failure *failure)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_OPEN, &position)) != NULL) {
        if (is_late(record) != (phase == SLOTS_LATE))
            continue;
        if (slots_descriptor((int)plan_number(record, 0)) >= 0)
            continue;
        int fd = open_slot(record, is_late(record));
        int error = fd < 0 ? errno : check_kind(fd, record->argv[2]);
        if (skip_denied && (error == EACCES || error == EOVERFLOW)) {
            if (fd >= 0)
                close(fd);
            continue;
        }
        if (fd < 0)
            return fail(failure, error, "open", "%s", record->argv[1]);
        if (slots_set(record, fd, failure) < 0)
            return -1;
    }
    return 0;
}

void slots_close_paths(const struct plan *plan)
{
    size_t position = 0;
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_OPEN, &position)) != NULL) {
        int *entry = &descriptors[plan_number(record, 0)];
        if (*entry > 0)
            close(*entry - 1);
        *entry = 0;
    }
}

void slots_close(void)
{
    for (size_t i = 0; i < TSMAN_MAX_OPENS; i++) {
        if (descriptors[i] > 0)
            close(descriptors[i] - 1);
        descriptors[i] = 0;
    }
}

const struct plan_record *slots_next_missing(const struct plan *plan, size_t *position)
{
    const struct plan_record *record;
    while ((record = plan_next(plan, TSMAN_SET_OPEN, position)) != NULL) {
        if (!is_late(record) && slots_descriptor((int)plan_number(record, 0)) < 0)
            return record;
    }
    return NULL;
}

static struct rlimit original_limit;

void slots_raise_limit(const struct plan *plan)
{
    /* Besides the slots there are a few dozen descriptors at most. */
    rlim_t wanted = 64;
    size_t position = 0;
    while (plan_next(plan, TSMAN_SET_OPEN, &position) != NULL)
        wanted++;
    position = 0;
    while (plan_next(plan, TSMAN_SET_OPEN_IDMAPPED, &position) != NULL)
        wanted++;
    if (getrlimit(RLIMIT_NOFILE, &original_limit) < 0 || original_limit.rlim_cur >= wanted) {
        original_limit.rlim_max = 0;
        return;
    }
    struct rlimit raised = {wanted < original_limit.rlim_max ? wanted : original_limit.rlim_max,
                            original_limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &raised);
}

void slots_restore_limit(void)
{
    if (original_limit.rlim_max != 0)
        setrlimit(RLIMIT_NOFILE, &original_limit);
}
