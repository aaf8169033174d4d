/*
 * tsman-seccomp: compiles a seccomp profile to a BPF program with libseccomp.
 *
 * Run by the TypeScript side, as the caller, when the filter of a profile is not
 * in its cache; what it prints is the operand of OP_SECCOMP.  A program of its own
 * since libseccomp is larger than all of tsman-native and rarely needed.
 *
 * stdin: text, one directive a line, words separated by blanks; '#' begins a
 * comment.
 *
 *     default ACTION [ERRNO]     first, once: what no rule matches
 *     badarch ACTION [ERRNO]     system calls of an architecture not listed
 *     arch NAME                  added to the native one: x86, x32, arm, ...
 *     rule ACTION ERRNO SYSCALL [ARG OP VALUE [VALUE2]]...
 *     whole                      as libseccomp writes it, to compare with
 *
 * ACTION is allow, errno, kill, kill_thread, kill_process, trap, log, notify or trace;
 * ERRNO a number, used by errno and trace, else 0 or "-".  ARG is 0 to 5; OP is eq,
 * ne, lt, le, gt, ge, or masked, which takes the mask and then the value; all
 * comparisons of a line must hold.  Values are decimal or 0x hexadecimal, 64 bits.
 * The OCI spellings (SCMP_ACT_ALLOW, SCMP_ARCH_X86, SCMP_CMP_MASKED_EQ) work too.
 * A system call that libseccomp does not know is skipped, as is a rule whose action
 * is the default.
 *
 * stdout: struct sock_filter[], in the machine's byte order.  The decisions are
 * sorted into a binary tree (optimisation level 2), so that a system call costs
 * about ten instructions instead of hundreds, and numbers with one answer are put
 * together (seccomp-ranges.h), so that it is loaded in half of the time.
 * Errors: one line on stderr, exit status 1.
 */
#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seccomp-ranges.h"

#define MAX_WORDS 64

struct compiler {
    scmp_filter_ctx filter;
    uint32_t default_action;
    bool is_whole;
    unsigned line;
};

static int complain(const struct compiler *compiler, const char *what, const char *word)
{
    fprintf(stderr, "tsman-seccomp: line %u: %s: %s\n", compiler->line, what, word);
    return -1;
}

static bool parse_value(const char *word, uint64_t *value)
{
    char *end = NULL;
    if (!isdigit((unsigned char)word[0]))
        return false;
    errno = 0;
    bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    *value = strtoull(word, &end, hex ? 16 : 10);
    return errno == 0 && *end == '\0';
}

/* "SCMP_ACT_ALLOW" and "allow" to "allow". */
static void plain_word(char *word, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(word, prefix, length) == 0)
        memmove(word, word + length, strlen(word + length) + 1);
    for (; *word; word++)
        *word = (char)tolower((unsigned char)*word);
}

static int parse_action(const struct compiler *compiler, char *word, const char *number,
                        uint32_t *action)
{
    uint64_t value = 0;
    plain_word(word, "SCMP_ACT_");
    if (number != NULL && strcmp(number, "-") != 0 &&
        (!parse_value(number, &value) || value > 4095))
        return complain(compiler, "not an errno", number);
    if (strcmp(word, "allow") == 0)
        *action = SCMP_ACT_ALLOW;
    else if (strcmp(word, "errno") == 0)
        *action = SCMP_ACT_ERRNO((uint16_t)value);
    else if (strcmp(word, "kill") == 0 || strcmp(word, "kill_thread") == 0)
        *action = SCMP_ACT_KILL_THREAD;
    else if (strcmp(word, "kill_process") == 0)
        *action = SCMP_ACT_KILL_PROCESS;
    else if (strcmp(word, "trap") == 0)
        *action = SCMP_ACT_TRAP;
    else if (strcmp(word, "log") == 0)
        *action = SCMP_ACT_LOG;
    else if (strcmp(word, "notify") == 0)
        *action = SCMP_ACT_NOTIFY;
    else if (strcmp(word, "trace") == 0)
        *action = SCMP_ACT_TRACE((uint16_t)value);
    else
        return complain(compiler, "unknown action", word);
    return 0;
}

static bool parse_operator(char *word, enum scmp_compare *comparison)
{
    static const struct {
        const char *name;
        enum scmp_compare comparison;
    } operators[] = {
        {"eq", SCMP_CMP_EQ},
        {"ne", SCMP_CMP_NE},
        {"lt", SCMP_CMP_LT},
        {"le", SCMP_CMP_LE},
        {"gt", SCMP_CMP_GT},
        {"ge", SCMP_CMP_GE},
        {"masked", SCMP_CMP_MASKED_EQ},
        {"masked_eq", SCMP_CMP_MASKED_EQ},
    };
    plain_word(word, "SCMP_CMP_");
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strcmp(operators[i].name, word) == 0) {
            *comparison = operators[i].comparison;
            return true;
        }
    }
    return false;
}

static int add_rule(const struct compiler *compiler, char **words, size_t count)
{
    struct scmp_arg_cmp comparisons[6];
    unsigned used = 0;
    uint32_t action;
    if (count < 4)
        return complain(compiler, "incomplete directive", words[0]);
    if (parse_action(compiler, words[1], words[2], &action) < 0)
        return -1;
    for (size_t i = 4; i < count;) {
        uint64_t argument, value, second = 0;
        enum scmp_compare comparison;
        if (count - i < 3 || used == 6)
            return complain(compiler, "incomplete comparison", words[3]);
        if (!parse_value(words[i], &argument) || argument > 5)
            return complain(compiler, "not an argument number", words[i]);
        if (!parse_operator(words[i + 1], &comparison))
            return complain(compiler, "unknown operator", words[i + 1]);
        if (!parse_value(words[i + 2], &value))
            return complain(compiler, "not a value", words[i + 2]);
        i += 3;
        if (comparison == SCMP_CMP_MASKED_EQ) {
            if (i == count || !parse_value(words[i], &second))
                return complain(compiler, "masked without a second value", words[3]);
            i++;
        }
        comparisons[used++] = (struct scmp_arg_cmp){(unsigned)argument, comparison, value, second};
    }
    int number = seccomp_syscall_resolve_name(words[3]);
    if (number == __NR_SCMP_ERROR || action == compiler->default_action)
        return 0;
    int error = seccomp_rule_add_array(compiler->filter, action, number, used, comparisons);
    if (error < 0) {
        fprintf(stderr, "tsman-seccomp: line %u: add rule %s: %s\n", compiler->line, words[3],
                strerror(-error));
        return -1;
    }
    return 0;
}

static int set_default(struct compiler *compiler, char **words, size_t count)
{
    if (compiler->filter != NULL || count < 2)
        return complain(compiler, "misplaced directive", words[0]);
    if (parse_action(compiler, words[1], count > 2 ? words[2] : NULL, &compiler->default_action) <
        0)
        return -1;
    compiler->filter = seccomp_init(compiler->default_action);
    if (compiler->filter == NULL)
        return complain(compiler, "default action refused", words[1]);
    return 0;
}

static int add_architecture(const struct compiler *compiler, char *name)
{
    plain_word(name, "SCMP_ARCH_");
    uint32_t token = seccomp_arch_resolve_name(name);
    if (token == 0)
        return complain(compiler, "unknown architecture", name);
    int error = seccomp_arch_add(compiler->filter, token);
    return error < 0 && error != -EEXIST ? complain(compiler, "architecture refused", name) : 0;
}

static int take_line(struct compiler *compiler, char *line)
{
    char *words[MAX_WORDS];
    size_t count = 0;
    char *rest = NULL;
    line[strcspn(line, "#\n")] = '\0';
    for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (count == MAX_WORDS)
            return complain(compiler, "too many words", words[0]);
        words[count++] = word;
    }
    if (count == 0)
        return 0;
    if (strcmp(words[0], "default") == 0)
        return set_default(compiler, words, count);
    if (compiler->filter == NULL)
        return complain(compiler, "before the default", words[0]);
    if (strcmp(words[0], "rule") == 0)
        return add_rule(compiler, words, count);
    if (strcmp(words[0], "arch") == 0 && count == 2)
        return add_architecture(compiler, words[1]);
    if (strcmp(words[0], "whole") == 0 && count == 1) {
        compiler->is_whole = true;
        return 0;
    }
    if (strcmp(words[0], "badarch") == 0 && count >= 2) {
        uint32_t action;
        if (parse_action(compiler, words[1], count > 2 ? words[2] : NULL, &action) < 0)
            return -1;
        return seccomp_attr_set(compiler->filter, SCMP_FLTATR_ACT_BADARCH, action) < 0
                   ? complain(compiler, "action refused", words[1])
                   : 0;
    }
    return complain(compiler, "unknown directive", words[0]);
}

static int write_all(const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t written = write(STDOUT_FILENO, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -errno;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

/* libseccomp writes to a descriptor only; 2.6 and later knows memory too. */
static int export(const struct compiler *compiler)
{
    struct sock_filter small[BPF_MAXINSNS];
    int file = memfd_create("filter", MFD_CLOEXEC);
    int error = file < 0 ? -errno : seccomp_export_bpf(compiler->filter, file);
    off_t size = error < 0 ? 0 : lseek(file, 0, SEEK_END);
    void *bytes =
        size <= 0 ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file, 0);
    if (error == 0 && bytes == MAP_FAILED)
        error = -errno;
    if (error == 0) {
        const size_t length = (size_t)size / sizeof(small[0]);
        const size_t used =
            compiler->is_whole ? 0 : seccomp_condense(bytes, length, small, BPF_MAXINSNS);
        error =
            used > 0 ? write_all(small, used * sizeof(small[0])) : write_all(bytes, (size_t)size);
    }
    if (bytes != MAP_FAILED)
        munmap(bytes, (size_t)size);
    if (file >= 0)
        close(file);
    return error;
}

int main(void)
{
    struct compiler compiler = {NULL, 0, false, 0};
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        compiler.line++;
        if (take_line(&compiler, line) < 0)
            return 1;
    }
    free(line);
    if (compiler.filter == NULL) {
        compiler.line++;
        complain(&compiler, "no default action", "end of input");
        return 1;
    }
    seccomp_attr_set(compiler.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    int error = export(&compiler);
    seccomp_release(compiler.filter);
    if (error < 0) {
        fprintf(stderr, "tsman-seccomp: export filter: %s\n", strerror(-error));
        return 1;
    }
    return 0;
}
