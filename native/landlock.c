#include "landlock.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same numbers on every architecture: syscalls(2). */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446

#define ASK_VERSION  1u
#define PATH_BENEATH 1

#define FILE_RIGHTS (LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE | UINT64_C(1))

/* Of versions 1 to 7, index 0 being none at all. */
static const uint64_t known_rights[] = {
    0,
    (1 << 13) - 1,
    (1 << 14) - 1,
    (1 << 15) - 1,
    (1 << 15) - 1,
    (1 << 16) - 1,
    (1 << 16) - 1,
    (1 << 16) - 1,
};
#define NEWEST (sizeof(known_rights) / sizeof(known_rights[0]) - 1)

struct ruleset {
    uint64_t files;
    uint64_t tcp;    /* version 4: 1 bind, 2 connect */
    uint64_t scoped; /* version 6: 1 abstract unix sockets of others */
};

struct beneath {
    uint64_t rights;
    int32_t place;
} __attribute__((packed));

static unsigned version(void)
{
    long found = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);
    return found < 0 ? 0 : found > (long)NEWEST ? (unsigned)NEWEST : (unsigned)found;
}

int landlock_begin(void)
{
    const unsigned have = version();
    if (have == 0)
        return -1;
    struct ruleset wanted = {
        .files = known_rights[have], .tcp = have >= 4 ? 3 : 0, .scoped = have >= 6 ? 1 : 0};
    /* Older kernels take a shorter structure. */
    size_t size = have >= 6 ? sizeof(wanted) : have >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    return (int)syscall(CREATE_RULESET, &wanted, size, 0);
}

int landlock_keep(int rules, int place, uint64_t rights)
{
    struct stat status;
    if (fstat(place, &status) < 0)
        return -1;
    if (!S_ISDIR(status.st_mode))
        rights &= FILE_RIGHTS;
    struct beneath rule = {rights & known_rights[version()], place};
    return rule.rights == 0 ? 0 : (int)syscall(ADD_RULE, rules, PATH_BENEATH, &rule, 0);
}

int landlock_confine(int rules)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(RESTRICT_SELF, rules, 0);
}
