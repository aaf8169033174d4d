#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "number.h"
#include "plan-grammar.h"
#include "plan-order.h"
#include "protocol.h"

/*
 * One character per operand:
 *   s string   p string that is not empty   d data (may hold NULs)
 *   n decimal, 32 bits   N decimal, 64 bits, or "infinity"   i id (<= 2^31 - 1 or
 *   any 32-bit value that is not -1)   o octal   x hexadecimal, 64 bits
 *   b 0 or 1   @ slot   ? slot or ""
 * "(...)" closes the specification: these operands repeat, any number of times;
 * "[...]" as well, but at least once.
 */
struct grammar {
    uint16_t op;
    const char *name, *operands;
    bool repeated; /* a setting that may be given more than once */
};

static const struct grammar grammars[] = {
    {TSMAN_SET_VERSION, "version", "n", false},
    {TSMAN_SET_ID, "id", "p", false},
    {TSMAN_SET_UID_MAP, "uid map", "[iin]", true},
    {TSMAN_SET_GID_MAP, "gid map", "[iin]", true},
    {TSMAN_SET_MAP_TOOLS, "map tools", "pp", false},
    {TSMAN_SET_SETGROUPS_DENY, "setgroups deny", "", false},
    {TSMAN_SET_UNSHARE, "unshare", "(p)", false},
    {TSMAN_SET_JOIN, "join", "pp", true},
    {TSMAN_SET_OPEN, "open", "npp", true},
    {TSMAN_SET_TTY, "tty", "nn", false},
    {TSMAN_SET_STDIN, "stdin", "", false},
    {TSMAN_SET_FOREGROUND, "foreground", "", false},
    {TSMAN_SET_DETACH_KEYS, "detach keys", "d", false},
    {TSMAN_SET_LOG, "log", "pNn", false},
    {TSMAN_SET_RUN_DIR, "run directory", "p", false},
    {TSMAN_SET_EXIT_FILE, "exit file", "p", false},
    {TSMAN_SET_PID_FILE, "pid file", "p", false},
    {TSMAN_SET_NETWORK, "network", "[s]", false},
    {TSMAN_SET_HOLD, "hold", "", false},
    {TSMAN_SET_TIMEOUT, "timeout", "n", false},
    {TSMAN_SET_STOP, "stop", "nn", false},
    {TSMAN_SET_CLEANUP, "cleanup", "[s]", false},
    {TSMAN_SET_STAGE_COMMAND, "stage command", "[s]", true},
    {TSMAN_SET_DUMB_INIT, "dumb init", "", false},
    {TSMAN_SET_REMOVE_TREE, "remove tree", "p", false},
    {TSMAN_SET_LOG_FORMAT, "log format", "ps", false},
    {TSMAN_SET_LOG_JOURNAL, "log journal", "p(p)", false},
    {TSMAN_SET_PASSTHROUGH, "passthrough", "", false},
    {TSMAN_SET_CLEANUP_DELAY, "cleanup delay", "nnn", false},
    {TSMAN_SET_HEALTH, "health", "pnnnnnp", false},
    {TSMAN_SET_HEALTH_PLAN, "health plan", "d", false},
    {TSMAN_SET_HEALTH_STARTUP, "startup check", "nnnn", false},
    {TSMAN_SET_HEALTH_STARTUP_PLAN, "startup check plan", "d", false},
    {TSMAN_SET_EVENT, "event", "ppp", true},
    {TSMAN_SET_JOIN_PROCESS, "join process", "nN", false},
    {TSMAN_SET_PRESERVE, "preserve descriptors", "n", false},
    {TSMAN_SET_SESSION, "session", "ss", false},
    {TSMAN_SET_EPHEMERAL, "ephemeral", "s", false},
    {TSMAN_SET_STAY, "stay", "s", false},
    {TSMAN_SET_JOIN_OWNER, "join owner", "nN", false},
    {TSMAN_SET_OPEN_MOUNT, "open mount", "npp", true},
    {TSMAN_OP_PROPAGATION, "propagation", "p", true},
    {TSMAN_OP_ROOT_OVERLAY, "root overlay", "@@s[@]", true},
    {TSMAN_OP_ROOT_BIND, "root bind", "@", true},
    {TSMAN_OP_ENTER_ROOT, "enter root", "", true},
    {TSMAN_OP_MOUNT, "mount", "pspsss", true},
    {TSMAN_OP_BIND, "bind", "@psss", true},
    {TSMAN_OP_MKDIR, "mkdir", "poii", true},
    {TSMAN_OP_SYMLINK, "symlink", "pp", true},
    {TSMAN_OP_WRITE_FILE, "write file", "pdos", true},
    {TSMAN_OP_DEVICE, "device", "@p", true},
    {TSMAN_OP_MASK, "mask", "?p", true},
    {TSMAN_OP_READONLY, "readonly", "p", true},
    {TSMAN_OP_SYSCTL, "sysctl", "ps", true},
    {TSMAN_OP_HOSTNAME, "hostname", "p", true},
    {TSMAN_OP_DOMAINNAME, "domainname", "s", true},
    {TSMAN_OP_CONSOLE, "console", "", true},
    {TSMAN_OP_LOOPBACK, "loopback", "", true},
    {TSMAN_OP_PIVOT, "pivot", "", true},
    {TSMAN_OP_ROOT_READONLY, "root readonly", "", true},
    {TSMAN_OP_ROOT_PROPAGATION, "root propagation", "p", true},
    {TSMAN_OP_RLIMIT, "rlimit", "nNN", true},
    {TSMAN_OP_OOM_SCORE, "oom score", "s", true},
    {TSMAN_OP_UMASK, "umask", "o", true},
    {TSMAN_OP_USER, "user", "sss", true},
    {TSMAN_OP_CHDIR, "chdir", "pb", true},
    {TSMAN_OP_CAPS, "capabilities", "xxxxx", true},
    {TSMAN_OP_NO_NEW_PRIVS, "no new privileges", "", true},
    {TSMAN_OP_SECCOMP, "seccomp", "dn", true},
    {TSMAN_OP_KEYRING, "keyring", "", true},
    {TSMAN_OP_ENV, "environment", "(s)", true},
    {TSMAN_OP_EXEC, "exec", "p(s)", true},
    {TSMAN_OP_COPY_UP, "copy up", "p@", true},
    {TSMAN_OP_CHOWN_TREE, "change owner", "@", true},
};

static const struct grammar *grammar_of(uint16_t op)
{
    for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
        if (grammars[i].op == op)
            return &grammars[i];
    }
    return NULL;
}

const char *plan_name(uint16_t op)
{
    const struct grammar *grammar = grammar_of(op);
    return grammar ? grammar->name : "unknown";
}

/* A reader over the payload; every get_ checks what is left. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool get_bytes(struct cursor *cursor, size_t count, const uint8_t **bytes)
{
    if (cursor->left < count)
        return false;
    *bytes = cursor->at;
    cursor->at += count;
    cursor->left -= count;
    return true;
}

static bool get_u16(struct cursor *cursor, uint16_t *value)
{
    const uint8_t *b;
    if (!get_bytes(cursor, 2, &b))
        return false;
    *value = (uint16_t)(b[0] | b[1] << 8);
    return true;
}

static bool get_u32(struct cursor *cursor, uint32_t *value)
{
    const uint8_t *b;
    if (!get_bytes(cursor, 4, &b))
        return false;
    *value = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static bool get_operand(struct cursor *cursor, const uint8_t **bytes, uint32_t *length)
{
    const uint8_t *end;
    return get_u32(cursor, length) && get_bytes(cursor, *length, bytes) &&
           get_bytes(cursor, 1, &end) && *end == 0;
}

struct count {
    size_t settings, steps, arguments;
};

/* First pass: the shape of all records, within the limits. */
static int count_records(struct cursor cursor, struct count *count, struct failure *failure)
{
    while (cursor.left > 0) {
        size_t index = count->settings + count->steps;
        uint16_t op, argc;
        if (!get_u16(&cursor, &op) || !get_u16(&cursor, &argc))
            return fail(failure, EBADMSG, "parse plan", "record %zu: truncated", index);
        if (index >= TSMAN_MAX_RECORDS)
            return fail(failure, E2BIG, "parse plan", "more than %u records (TSMAN_MAX_RECORDS)",
                        TSMAN_MAX_RECORDS);
        if (argc > TSMAN_MAX_ARGS)
            return fail(failure, E2BIG, "parse plan",
                        "record %zu: more than %u operands (TSMAN_MAX_ARGS)", index,
                        TSMAN_MAX_ARGS);
        for (uint16_t i = 0; i < argc; i++) {
            const uint8_t *bytes;
            uint32_t length;
            if (!get_operand(&cursor, &bytes, &length))
                return fail(failure, EBADMSG, "parse plan",
                            "record %zu: operand %u is out of bounds", index, (unsigned)i);
        }
        if (op < TSMAN_OP_STEP_BASE)
            count->settings++;
        else
            count->steps++;
        count->arguments += argc;
    }
    return 0;
}

static int check_version(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *version = plan_setting(plan, TSMAN_SET_VERSION);
    if (version == NULL || plan_number(version, 0) != TSMAN_PROTOCOL_VERSION)
        return fail(failure, EPROTO, "check protocol version", "%s instead of %d",
                    version ? version->argv[0] : "none", TSMAN_PROTOCOL_VERSION);
    return 0;
}

static int fill_records(struct plan *plan, struct cursor cursor, char **arguments,
                        uint32_t *lengths, struct failure *failure)
{
    uint8_t seen[TSMAN_OP_STEP_BASE] = {0};
    while (cursor.left > 0) {
        uint16_t op = 0, argc = 0;
        get_u16(&cursor, &op);
        get_u16(&cursor, &argc);
        struct plan_record *record = op < TSMAN_OP_STEP_BASE
                                         ? &plan->settings[plan->settings_count++]
                                         : &plan->steps[plan->steps_count++];
        *record = (struct plan_record){op, argc, arguments, lengths};
        for (uint16_t i = 0; i < argc; i++) {
            const uint8_t *bytes = NULL;
            get_operand(&cursor, &bytes, lengths++);
            *arguments++ = (char *)(uintptr_t)bytes;
        }
        *arguments++ = NULL;

        const struct plan_grammar *grammar = plan_grammar_of(op);
        if (grammar == NULL)
            return fail(failure, EBADMSG, "parse plan", "operation %u is unknown", (unsigned)op);
        if (plan_check_operands(record, grammar, failure) < 0)
            return -1;
        if (!grammar->repeated && seen[op]++)
            return fail(failure, EBADMSG, "parse plan", "%s is given twice", grammar->name);
    }
    return 0;
}

int plan_parse(struct plan *plan, const uint8_t *payload, size_t size, struct failure *failure)
{
    memset(plan, 0, sizeof(*plan));
    if (size > TSMAN_MAX_LAUNCH_BYTES)
        return fail(failure, E2BIG, "parse plan", "more than %u bytes (TSMAN_MAX_LAUNCH_BYTES)",
                    TSMAN_MAX_LAUNCH_BYTES);
    struct cursor cursor = {payload, size};
    struct count count = {0, 0, 0};
    if (count_records(cursor, &count, failure) < 0)
        return -1;

    size_t records = count.settings + count.steps;
    cleanup_free char *pool = calloc(1, records * sizeof(struct plan_record) +
                                            (count.arguments + records + 1) * sizeof(char *) +
                                            (count.arguments + 1) * sizeof(uint32_t));
    if (pool == NULL)
        return fail(failure, ENOMEM, "parse plan", "%zu records", records);
    plan->settings = (struct plan_record *)(void *)pool;
    plan->steps = plan->settings + count.settings;
    char **arguments = (char **)(void *)(plan->steps + count.steps);
    uint32_t *lengths = (uint32_t *)(void *)(arguments + count.arguments + records + 1);

    if (fill_records(plan, cursor, arguments, lengths, failure) < 0 ||
        check_version(plan, failure) < 0 || plan_check_order(plan, failure) < 0) {
        memset(plan, 0, sizeof(*plan));
        return -1;
    }
    plan->pool = pool;
    pool = NULL;
    return 0;
}

void plan_release(struct plan *plan)
{
    free(plan->pool);
    memset(plan, 0, sizeof(*plan));
}

const struct plan_record *plan_next(const struct plan *plan, uint16_t op, size_t *position)
{
    while (*position < plan->settings_count) {
        const struct plan_record *record = &plan->settings[(*position)++];
        if (record->op == op)
            return record;
    }
    return NULL;
}

const struct plan_record *plan_setting(const struct plan *plan, uint16_t op)
{
    size_t position = 0;
    return plan_next(plan, op, &position);
}

const struct plan_record *plan_step(const struct plan *plan, uint16_t op)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        if (plan->steps[i].op == op)
            return &plan->steps[i];
    }
    return NULL;
}

const char *plan_environment(const struct plan *plan, const char *name)
{
    const struct plan_record *record = plan_step(plan, TSMAN_OP_ENV);
    size_t length = strlen(name);
    const char *value = NULL;
    for (unsigned i = 0; record != NULL && i < record->argc; i++) {
        if (strncmp(record->argv[i], name, length) == 0 && record->argv[i][length] == '=')
            value = record->argv[i] + length + 1;
    }
    return value;
}

static uint64_t checked(const struct plan_record *record, unsigned index, unsigned base)
{
    uint64_t value = 0;
    if (strcmp(record->argv[index], "infinity") == 0)
        return UINT64_MAX;
    number_parse(record->argv[index], base, UINT64_MAX, &value);
    return value;
}

uint64_t plan_number(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 10);
}

uint64_t plan_octal(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 8);
}

uint64_t plan_hex(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 16);
}

int plan_slot(const struct plan_record *record, unsigned index)
{
    uint64_t slot;
    return plan_is_slot(record->argv[index], &slot) ? (int)slot : -1;
}

bool plan_has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (*list) {
        size_t span = strcspn(list, ",");
        if (span == length && memcmp(list, word, length) == 0)
            return true;
        list += span + (list[span] == ',');
    }
    return false;
}
