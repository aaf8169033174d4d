#include "mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "protocol.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif

/* The three kinds of access times are one value, which is replaced as a whole; relatime, the
   kernel's default, is 0. */
static const struct {
    const char *word;
    uint64_t set, clear;
    unsigned long legacy;
} words[] = {
    {"ro", K_ATTR_RDONLY, 0, MS_RDONLY},
    {"rw", 0, K_ATTR_RDONLY, 0},
    {"nosuid", K_ATTR_NOSUID, 0, MS_NOSUID},
    {"suid", 0, K_ATTR_NOSUID, 0},
    {"nodev", K_ATTR_NODEV, 0, MS_NODEV},
    {"dev", 0, K_ATTR_NODEV, 0},
    {"noexec", K_ATTR_NOEXEC, 0, MS_NOEXEC},
    {"exec", 0, K_ATTR_NOEXEC, 0},
    {"nosymfollow", K_ATTR_NOSYMFOLLOW, 0, MS_NOSYMFOLLOW},
    {"symfollow", 0, K_ATTR_NOSYMFOLLOW, 0},
    {"nodiratime", K_ATTR_NODIRATIME, 0, MS_NODIRATIME},
    {"diratime", 0, K_ATTR_NODIRATIME, 0},
    {"noatime", K_ATTR_NOATIME, K_ATTR_ATIME, MS_NOATIME},
    {"strictatime", K_ATTR_STRICTATIME, K_ATTR_ATIME, MS_STRICTATIME},
    {"relatime", 0, K_ATTR_ATIME, MS_RELATIME},
    {"atime", 0, K_ATTR_ATIME, 0},
    {"norelatime", 0, K_ATTR_ATIME, 0},
    {"nostrictatime", 0, K_ATTR_ATIME, 0},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

/* Without any effect: the default, or of kernels of old (mount(2)). */
static const char *const idle_words[] = {
    "bind", "async", "nolazytime", "silent", "loud", "mand", "nomand", "iversion", "noiversion",
};
#define IDLE_WORDS (sizeof(idle_words) / sizeof(idle_words[0]))

static bool next_word(const char **list, char *word, size_t room)
{
    while (**list == ',')
        (*list)++;
    size_t length = strcspn(*list, ",");
    if (length == 0)
        return false;
    snprintf(word, room, "%.*s", (int)length, *list);
    *list += length;
    return true;
}

static bool change_by(struct mounting_change *change, const char *word)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(words[i].word, word) != 0)
            continue;
        /* The last word counts. */
        change->set = (change->set & ~words[i].clear) | words[i].set;
        change->clear = (change->clear & ~words[i].set) | words[i].clear;
        return true;
    }
    return false;
}

static bool is_idle(const char *word)
{
    for (size_t i = 0; i < IDLE_WORDS; i++) {
        if (strcmp(idle_words[i], word) == 0)
            return true;
    }
    return false;
}

int mounting_parse_flags(const char *list, struct mounting_flags *flags)
{
    char word[32];
    memset(flags, 0, sizeof(*flags));
    while (next_word(&list, word, sizeof(word))) {
        unsigned long propagation;
        if (change_by(&flags->plain, word) || is_idle(word))
            continue;
        if (strcmp(word, "rbind") == 0)
            flags->recursive = true;
        else if (strcmp(word, "sync") == 0)
            flags->sync = true;
        else if (strcmp(word, "dirsync") == 0)
            flags->dirsync = true;
        else if (strcmp(word, "lazytime") == 0)
            flags->lazytime = true;
        else if (mounting_parse_propagation(word, &propagation) == 0)
            flags->propagation = propagation;
        else if (word[0] != 'r' || !change_by(&flags->deep, word + 1)) {
            errno = EINVAL;
            return -1;
        }
    }
    return 0;
}

static unsigned long legacy_of(uint64_t attributes)
{
    unsigned long legacy = 0;
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t mask = words[i].clear ? words[i].clear : words[i].set;
        if (words[i].set != 0 && (attributes & mask) == words[i].set)
            legacy |= words[i].legacy;
    }
    return legacy;
}

static unsigned long legacy_flags(const struct mounting_flags *flags)
{
    return (flags->sync ? MS_SYNCHRONOUS : 0) | (flags->dirsync ? MS_DIRSYNC : 0) |
           (flags->lazytime ? MS_LAZYTIME : 0) | legacy_of(flags->plain.set | flags->deep.set);
}

int mounting_parse_propagation(const char *word, unsigned long *propagation)
{
    static const struct {
        const char *word;
        unsigned long flag;
    } kinds[] = {
        {"private", MS_PRIVATE},
        {"slave", MS_SLAVE},
        {"shared", MS_SHARED},
        {"unbindable", MS_UNBINDABLE},
    };
    *propagation = 0;
    if (word[0] == '\0')
        return 0;
    unsigned long recursive = word[0] == 'r' ? MS_REC : 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].word, word + (recursive ? 1 : 0)) == 0) {
            *propagation = kinds[i].flag | recursive;
            return 0;
        }
    }
    errno = EINVAL;
    return -1;
}

void mounting_fd_path(char path[16], int fd)
{
    snprintf(path, 16, "fd/%d", fd);
}

int mounting_enter_proc(struct init *init)
{
    if (init->proc_self < 0 || fchdir(init->proc_self) < 0)
        return fail(&init->failure, errno ? errno : ENOENT, "chdir", "/proc/self of the host");
    return 0;
}

void mounting_leave_proc(const struct init *init)
{
    /* The working directory means nothing until CHDIR, but it must not be one
       outside of the root. */
    if (fchdir(init->root >= 0 ? init->root : init->proc_self) < 0)
        _exit(1);
}

int mounting_reopen(int proc_self, int fd, struct failure *failure)
{
    char link[16], path[PATH_MAX];
    mounting_fd_path(link, fd);
    ssize_t length = readlinkat(proc_self, link, path, sizeof(path) - 1);
    if (length < 0)
        return fail(failure, errno, "read link", "/proc/self/%s", link);
    path[length] = '\0';
    int reopened = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return reopened < 0 ? fail(failure, errno, "open", "%s", path) : reopened;
}

void mounting_context_log(int context, struct failure *failure)
{
    char text[512];
    ssize_t length;
    /* One message a read: "e overlay: No changes allowed"; ENODATA at the end. */
    while ((length = read(context, text, sizeof(text) - 1)) > 0) {
        text[length] = '\0';
        failure_detail(failure, "%s", length > 2 && text[1] == ' ' ? text + 2 : text);
    }
}

int mounting_configure(int context, const char *data, struct failure *failure)
{
    char option[PATH_MAX];
    while (next_word(&data, option, sizeof(option))) {
        char *value = strchr(option, '=');
        if (value != NULL)
            *value++ = '\0';
        int done = value ? kernel_fsconfig(context, K_FSCONFIG_SET_STRING, option, value, 0)
                         : kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, option, NULL, 0);
        if (done < 0) {
            fail(failure, errno, "set mount option", "%s%s%s", option, value ? "=" : "",
                 value ? value : "");
            mounting_context_log(context, failure);
            return -1;
        }
    }
    return 0;
}

int mounting_new(struct init *init, const char *type, const char *source,
                 const struct mounting_flags *flags, const char *data)
{
    cleanup_close int context = kernel_fsopen(type);
    if (context < 0 && errno == ENOSYS)
        return MOUNTING_LEGACY;
    if (context < 0)
        return fail(&init->failure, errno, "mount", "file system type %s", type);
    if (source[0] != '\0' &&
        kernel_fsconfig(context, K_FSCONFIG_SET_STRING, "source", source, 0) < 0)
        return fail(&init->failure, errno, "set mount option", "source=%s", source);
    if (flags->sync)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "sync", NULL, 0);
    if (flags->dirsync)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "dirsync", NULL, 0);
    if (flags->lazytime)
        kernel_fsconfig(context, K_FSCONFIG_SET_FLAG, "lazytime", NULL, 0);
    if (mounting_configure(context, data, &init->failure) < 0)
        return -1;
    int mount = -1;
    if (kernel_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = kernel_fsmount(context, (unsigned)(flags->plain.set | flags->deep.set));
    if (mount < 0) {
        fail(&init->failure, errno, "mount", "%s", type);
        mounting_context_log(context, &init->failure);
    }
    return mount;
}

int mounting_new_legacy(struct init *init, const char *type, const char *source,
                        const struct mounting_flags *flags, const char *data, int target)
{
    char path[16];
    mounting_fd_path(path, target);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(source[0] ? source : type, path, type, legacy_flags(flags), data);
    int error = errno;
    mounting_leave_proc(init);
    return done < 0 ? fail(&init->failure, error, "mount", "%s", type) : 0;
}

int mounting_attach(struct init *init, int mount, int target)
{
    return kernel_move_mount(mount, target) < 0
               ? fail(&init->failure, errno, "attach mount", "descriptor %d", target)
               : 0;
}

static int refuse_change(struct init *init, const struct mounting_change *change)
{
    int error = errno;
    if (error == EPERM && change->clear != 0)
        failure_detail(&init->failure, "in a user namespace a mount of the host keeps ro, nosuid, "
                                       "nodev, noexec and its access times");
    return fail(&init->failure, error, "set mount flags", "bind");
}

/* -1 without a failure: the kernel cannot (ENOSYS). */
static int apply_change(struct init *init, int tree, const struct mounting_change *change,
                        unsigned long propagation, bool recursive)
{
    struct kernel_mount_attr attr = {
        .set = change->set,
        .clear = change->clear,
        .propagation = propagation & ~(unsigned long)MS_REC,
    };
    unsigned how = recursive ? K_AT_RECURSIVE : 0;
    if (attr.set == 0 && attr.clear == 0 && attr.propagation == 0)
        return 0;
    if (kernel_mount_setattr(tree, how, &attr) == 0)
        return 0;
    bool strict = plan_setting(init->plan, TSMAN_SET_STRICT) != NULL;
    if (errno == EPERM && (change->clear & K_ATTR_ATIME) && !strict) {
        /* The source's atime setting is locked (mount_namespaces(7)): it stays. */
        attr.set &= ~(uint64_t)(K_ATTR_ATIME | K_ATTR_NODIRATIME);
        attr.clear &= ~(uint64_t)(K_ATTR_ATIME | K_ATTR_NODIRATIME);
        if (kernel_mount_setattr(tree, how, &attr) == 0)
            return 0;
    }
    return errno == ENOSYS ? -1 : refuse_change(init, change);
}

static int set_attributes(struct init *init, int tree, const struct mounting_flags *flags)
{
    bool deep = flags->deep.set != 0 || flags->deep.clear != 0;
    bool spread = (flags->recursive && !flags->top) || (flags->propagation & MS_REC) != 0;
    bool apart = flags->top && (flags->propagation & MS_REC) != 0;
    static const struct mounting_change nothing;
    if (apply_change(init, tree, &flags->plain, apart ? 0 : flags->propagation, spread && !apart) ==
            0 &&
        (!apart || apply_change(init, tree, &nothing, flags->propagation, true) == 0) &&
        (!deep || apply_change(init, tree, &flags->deep, 0, true) == 0))
        return 0;
    if (!init->failure.set && deep) {
        failure_detail(&init->failure, "recursive mount options take Linux 5.12");
        return fail(&init->failure, ENOSYS, "set mount flags", "bind");
    }
    return -1;
}

/* Undoes the octal escapes of proc_pid_mountinfo(5). */
static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
            *to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

static int remount(struct init *init, const char *path, const struct mounting_flags *flags)
{
    struct statvfs present;
    unsigned long keep = 0;
    /* What the source has must be given again, or the kernel takes it as an
       attempt to clear it, which locked flags refuse. */
    if (statvfs(path, &present) == 0)
        keep = present.f_flag & ~legacy_of(flags->plain.clear) &
               (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
    unsigned long wanted = MS_REMOUNT | MS_BIND | keep | legacy_flags(flags);
    if (mount(NULL, path, NULL, wanted, NULL) < 0)
        return fail(&init->failure, errno, "remount", "%s", path);
    return 0;
}

/*
 * Without mount_setattr(2): remounts what is mounted at and, if recursive, below
 * `target`, found in mountinfo.  Paths there are relative to our root, which is the
 * container's by now.
 */
static int remount_legacy(struct init *init, int target, const struct mounting_flags *flags)
{
    char link[16], place[PATH_MAX];
    mounting_fd_path(link, target);
    ssize_t length = readlinkat(init->proc_self, link, place, sizeof(place) - 1);
    if (length < 0)
        return fail(&init->failure, errno, "read link", "/proc/self/%s", link);
    place[length] = '\0';
    int fd = openat(init->proc_self, "mountinfo", O_RDONLY | O_CLOEXEC);
    FILE *table = fd < 0 ? NULL : fdopen(fd, "re");
    if (table == NULL)
        return fail(&init->failure, errno, "open", "/proc/self/mountinfo");
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    while (result == 0 && getline(&line, &room, table) > 0) {
        char point[PATH_MAX];
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
            continue;
        unescape(point);
        size_t prefix = strcmp(place, "/") == 0 ? 0 : strlen(place);
        bool same = strcmp(point, place) == 0;
        bool below = strncmp(point, place, prefix) == 0 && point[prefix] == '/';
        if (same || (below && flags->recursive && !flags->top))
            result = remount(init, point, flags);
    }
    free(line);
    fclose(table);
    if (result == 0 && flags->propagation != 0 &&
        mount(NULL, place, NULL, flags->propagation, NULL) < 0)
        return fail(&init->failure, errno, "set propagation", "%s", place);
    return result;
}

static bool changes_nothing(const struct mounting_flags *flags)
{
    return flags->plain.set == 0 && flags->plain.clear == 0 && flags->propagation == 0;
}

static int bind_legacy(struct init *init, int source, int target,
                       const struct mounting_flags *flags)
{
    char from[16], to[16];
    if (flags->deep.set != 0 || flags->deep.clear != 0) {
        failure_detail(&init->failure, "recursive mount options take Linux 5.12");
        return fail(&init->failure, ENOSYS, "set mount flags", "bind");
    }
    mounting_fd_path(from, source);
    mounting_fd_path(to, target);
    if (mounting_enter_proc(init) < 0)
        return -1;
    int done = mount(from, to, NULL, MS_BIND | (flags->recursive ? MS_REC : 0), NULL);
    int error = errno;
    mounting_leave_proc(init);
    if (done < 0)
        return fail(&init->failure, error, "bind", "descriptor %d", source);
    return changes_nothing(flags) ? 0 : remount_legacy(init, target, flags);
}

int mounting_bind(struct init *init, int source, int target, const struct mounting_flags *flags)
{
    cleanup_close int tree =
        kernel_open_tree(source, "", K_OPEN_TREE_CLONE | (flags->recursive ? K_AT_RECURSIVE : 0));
    if (tree < 0 && errno == ENOSYS)
        return bind_legacy(init, source, target, flags);
    if (tree < 0)
        return fail(&init->failure, errno, "clone mount", "descriptor %d", source);
    bool later = false;
    if (set_attributes(init, tree, flags) < 0) {
        if (init->failure.set)
            return -1;
        later = true;
    }
    if (mounting_attach(init, tree, target) < 0)
        return -1;
    return later ? remount_legacy(init, target, flags) : 0;
}

int mounting_move(struct init *init, int mount, int target, const struct mounting_flags *flags)
{
    if (set_attributes(init, mount, flags) < 0)
        return fail(&init->failure, errno, "set mount flags", "shared mount");
    return mounting_attach(init, mount, target);
}

int mounting_change(struct init *init, int target, const struct mounting_flags *flags)
{
    if (set_attributes(init, target, flags) == 0)
        return 0;
    return init->failure.set ? -1 : remount_legacy(init, target, flags);
}
