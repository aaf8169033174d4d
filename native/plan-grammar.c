#include "plan-grammar.h"

#include <errno.h>
#include <string.h>

#include "number.h"
#include "protocol.h"

static const struct plan_grammar grammars[] = {
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
    {TSMAN_SET_PREPARED, "prepared namespaces", "nn", false},
    {TSMAN_SET_EPHEMERAL, "ephemeral", "s", false},
    {TSMAN_SET_STAY, "stay", "s", false},
    {TSMAN_SET_JOIN_OWNER, "join owner", "nN", false},
    {TSMAN_SET_OPEN_MOUNT, "open mount", "npp", true},
    {TSMAN_SET_LEAVE, "leave", "", false},
    {TSMAN_SET_START_PIPES, "start pipes", "", false},
    {TSMAN_SET_CONSOLE_SOCKET, "console socket", "p", false},
    {TSMAN_SET_JOIN_ANY, "join any", "", false},
    {TSMAN_SET_CGROUP, "control group", "p", false},
    {TSMAN_SET_DEVICE_FILTER, "device filter", "d", false},
    {TSMAN_SET_TIME_OFFSET, "time offset", "pzn", true},
    {TSMAN_SET_OPEN_IDMAPPED, "open idmapped", "npsn[iin]", true},
    {TSMAN_SET_SECCOMP_LISTENER, "seccomp listener", "pp", false},
    {TSMAN_SET_STRICT, "strict", "", false},
    {TSMAN_OP_PROPAGATION, "propagation", "p", true},
    {TSMAN_OP_ROOT_OVERLAY, "root overlay", "@@s[@]", true},
    {TSMAN_OP_ROOT_BIND, "root bind", "@", true},
    {TSMAN_OP_ENTER_ROOT, "enter root", "", true},
    {TSMAN_OP_MOUNT, "mount", "pspsss", true},
    {TSMAN_OP_BIND, "bind", "@psss", true},
    {TSMAN_OP_MKDIR, "mkdir", "poii", true},
    {TSMAN_OP_SYMLINK, "symlink", "pp(s)", true},
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
    {TSMAN_OP_USER, "user", "sssss", true},
    {TSMAN_OP_CHDIR, "chdir", "pb", true},
    {TSMAN_OP_CAPS, "capabilities", "xxxxx", true},
    {TSMAN_OP_NO_NEW_PRIVS, "no new privileges", "", true},
    {TSMAN_OP_SECCOMP, "seccomp", "dn", true},
    {TSMAN_OP_KEYRING, "keyring", "", true},
    {TSMAN_OP_ENV, "environment", "(s)", true},
    {TSMAN_OP_EXEC, "exec", "p(s)", true},
    {TSMAN_OP_COPY_UP, "copy up", "p@", true},
    {TSMAN_OP_CHOWN_TREE, "change owner", "@", true},
    {TSMAN_OP_CALLER, "caller", "", true},
    {TSMAN_OP_HOOK, "hook", "ppnpn(s)", true},
    {TSMAN_OP_SCHEDULER, "scheduler", "nnznNNN", true},
    {TSMAN_OP_IO_PRIORITY, "io priority", "nn", true},
    {TSMAN_OP_PERSONALITY, "personality", "x", true},
    {TSMAN_OP_MKNOD, "make node", "ppnnoii", true},
    {TSMAN_OP_LABEL, "label", "pp", true},
    {TSMAN_OP_HOST_USER, "host user", "pip", true},
    {TSMAN_OP_CHANGE_MOUNT, "change mount", "pss", true},
    {TSMAN_OP_OVERLAY, "overlay", "psss??[@]", true},
};

const struct plan_grammar *plan_grammar_of(uint16_t op)
{
    for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
        if (grammars[i].op == op)
            return &grammars[i];
    }
    return NULL;
}

const char *plan_name(uint16_t op)
{
    const struct plan_grammar *grammar = plan_grammar_of(op);
    return grammar ? grammar->name : "unknown";
}

bool plan_is_slot(const char *text, uint64_t *slot)
{
    return text[0] == '@' && number_parse(text + 1, 10, TSMAN_MAX_OPENS - 1, slot);
}

static bool operand_fits(char type, const char *text, uint32_t length)
{
    uint64_t number;
    if (type == 'd')
        return true;
    if (memchr(text, 0, length) != NULL)
        return false;
    switch (type) {
    case 's':
        return true;
    case 'p':
        return length > 0;
    case 'n':
        return number_parse(text, 10, UINT32_MAX, &number);
    case 'N':
        return strcmp(text, "infinity") == 0 || number_parse(text, 10, UINT64_MAX, &number);
    case 'z':
        return number_parse(text + (text[0] == '-'), 10, INT64_MAX, &number);
    case 'i':
        return number_parse(text, 10, UINT32_MAX - 1, &number);
    case 'o':
        return number_parse(text, 8, 07777, &number);
    case 'x':
        return number_parse(text, 16, UINT64_MAX, &number);
    case 'b':
        return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
    case '@':
        return plan_is_slot(text, &number);
    case '?':
        return length == 0 || plan_is_slot(text, &number);
    default:
        return false;
    }
}

char plan_operand_type(const struct plan_grammar *grammar, size_t index)
{
    const char *group = strpbrk(grammar->operands, "([");
    size_t fixed = group ? (size_t)(group - grammar->operands) : strlen(grammar->operands);
    if (index < fixed)
        return grammar->operands[index];
    return group ? group[1 + (index - fixed) % (strlen(group) - 2)] : '\0';
}

int plan_check_operands(const struct plan_record *record, const struct plan_grammar *grammar,
                        struct failure *failure)
{
    const char *fixed = grammar->operands;
    const char *group = strpbrk(fixed, "([");
    size_t fixed_count = group ? (size_t)(group - fixed) : strlen(fixed);
    size_t group_count = group ? strlen(group) - 2 : 0;
    size_t least = fixed_count + (group && *group == '[' ? group_count : 0);
    if (record->argc < least ||
        (group ? (record->argc - fixed_count) % group_count : record->argc - fixed_count) != 0)
        return fail(failure, EBADMSG, "parse plan", "%s: wrong number of operands: %u",
                    grammar->name, (unsigned)record->argc);
    for (size_t i = 0; i < record->argc; i++) {
        if (!operand_fits(plan_operand_type(grammar, i), record->argv[i], record->length[i]))
            return fail(failure, EBADMSG, "parse plan", "%s: operand %zu is not valid: %.60s",
                        grammar->name, i, record->argv[i]);
    }
    return 0;
}
