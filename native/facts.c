#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"

/* A process may be in 65536 groups. */
#define MOST ((size_t)1 << 20)

static const struct {
    const char *label;
    int base;
} labels[FACTS] = {
    [INHERITABLE] = {"CapInh:", 16},      [PERMITTED] = {"CapPrm:", 16},
    [EFFECTIVE] = {"CapEff:", 16},        [BOUNDING] = {"CapBnd:", 16},
    [AMBIENT] = {"CapAmb:", 16},          [NO_NEW_PRIVS] = {"NoNewPrivs:", 10},
    [FILTERS] = {"Seccomp_filters:", 10},
};

const char *fact_label(enum fact fact)
{
    return labels[fact].label;
}

static char *read_text(int fd)
{
    size_t room = 4096, used = 0;
    cleanup_free char *text = malloc(room);
    while (text != NULL) {
        ssize_t got = pread(fd, text + used, room - used - 1, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NULL;
        used += (size_t)got;
        text[used] = '\0';
        if (got == 0) {
            char *whole = text;
            text = NULL;
            return whole;
        }
        if (used + 1 < room)
            continue;
        if (room >= MOST) {
            errno = EFBIG;
            return NULL;
        }
        room *= 2;
        char *larger = realloc(text, room);
        if (larger == NULL)
            return NULL;
        text = larger;
    }
    return NULL;
}

static bool has_label(const char *line, const char *label)
{
    return strncmp(line, label, strlen(label)) == 0;
}

static bool take_ids(const char *line, uint32_t ids[4])
{
    char *end;
    for (int i = 0; i < 4; i++) {
        ids[i] = (uint32_t)strtoul(line, &end, 10);
        if (end == line)
            return false;
        line = end;
    }
    return true;
}

static bool take_groups(struct facts *facts, const char *line)
{
    char *end;
    /* Each takes a digit and a blank at least. */
    facts->groups = malloc((strlen(line) / 2 + 1) * sizeof(gid_t));
    if (facts->groups == NULL)
        return false;
    for (facts->group_count = 0;; line = end) {
        const gid_t group = (gid_t)strtoul(line, &end, 10);
        if (end == line)
            return true;
        facts->groups[facts->group_count++] = group;
    }
}

/* Three bits: one for each line of ids. */
static unsigned take_line(struct facts *facts, const char *line)
{
    if (has_label(line, "Uid:"))
        return take_ids(line + 4, facts->uid) ? 1 : 0;
    if (has_label(line, "Gid:"))
        return take_ids(line + 4, facts->gid) ? 2 : 0;
    if (has_label(line, "Groups:"))
        return facts->groups == NULL && take_groups(facts, line + 7) ? 4 : 0;
    if (has_label(line, "State:")) {
        const char *state = line + 6 + strspn(line + 6, " \t");
        facts->ended = *state == 'Z' || *state == 'X';
    }
    for (int i = 0; i < FACTS; i++) {
        if (!has_label(line, labels[i].label))
            continue;
        facts->value[i] = strtoull(line + strlen(labels[i].label), NULL, labels[i].base);
        facts->known[i] = true;
    }
    return 0;
}

int facts_read(int fd, struct facts *facts)
{
    unsigned ids = 0;
    memset(facts, 0, sizeof(*facts));
    cleanup_free char *text = read_text(fd);
    if (text == NULL)
        return -1;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        ids |= take_line(facts, line);
    }
    if (ids == 7 && facts->known[BOUNDING])
        return 0;
    facts_release(facts);
    errno = EBADMSG;
    return -1;
}

int facts_read_of(const char *pid, struct facts *facts)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(facts, 0, sizeof(*facts));
    return fd < 0 ? -1 : facts_read(fd, facts);
}

int facts_ask_ids(struct facts *facts)
{
    const size_t count = facts->group_count;
    /* What a call leaves that does nothing is nobody's. */
    memset(facts->uid, -1, sizeof(facts->uid));
    memset(facts->gid, -1, sizeof(facts->gid));
    facts->groups = malloc((count + 1) * sizeof(gid_t));
    if (facts->groups == NULL)
        return -1;
    memset(facts->groups, -1, (count + 1) * sizeof(gid_t));
    if (getresuid(&facts->uid[0], &facts->uid[1], &facts->uid[2]) < 0 ||
        getresgid(&facts->gid[0], &facts->gid[1], &facts->gid[2]) < 0)
        return -1;
    /* They follow the effective ones (setfsuid(2)), and no call shows them. */
    facts->uid[3] = facts->uid[1];
    facts->gid[3] = facts->gid[1];
    /* How many there are is the same in all user namespaces. */
    const int found = getgroups((int)count + 1, facts->groups);
    if (found >= 0 && (size_t)found != count)
        errno = EBADMSG;
    return found >= 0 && (size_t)found == count ? 0 : -1;
}

/* One bit for each capability that prctl(2) has. */
static uint64_t ask_capabilities(int option, unsigned long argument, bool is_ambient)
{
    uint64_t found = 0;
    for (unsigned long cap = 0; cap < 64; cap++) {
        int has = is_ambient ? prctl(option, argument, cap, 0, 0) : prctl(option, cap, 0, 0, 0);
        if (has < 0)
            break;
        found |= (uint64_t)(has == 1) << cap;
    }
    return found;
}

int facts_ask(struct facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    const int count = getgroups(0, NULL);
    if (count < 0 || kernel_capget(&facts->value[EFFECTIVE], &facts->value[PERMITTED],
                                   &facts->value[INHERITABLE]) < 0)
        return -1;
    facts->group_count = (size_t)count;
    facts->value[BOUNDING] = ask_capabilities(PR_CAPBSET_READ, 0, false);
    facts->value[AMBIENT] = ask_capabilities(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, true);
    const int none_new = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    facts->value[NO_NEW_PRIVS] = none_new > 0 ? 1 : 0;
    return facts_ask_ids(facts);
}

void facts_release(struct facts *facts)
{
    free(facts->groups);
    facts->groups = NULL;
}
