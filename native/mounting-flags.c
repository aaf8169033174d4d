#include "mounting-flags.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "kernel.h"

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

bool mounting_next_word(const char **list, char *word, size_t room)
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
    while (mounting_next_word(&list, word, sizeof(word))) {
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

unsigned long mounting_legacy_of(uint64_t attributes)
{
    unsigned long legacy = 0;
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t mask = words[i].clear ? words[i].clear : words[i].set;
        if (words[i].set != 0 && (attributes & mask) == words[i].set)
            legacy |= words[i].legacy;
    }
    return legacy;
}

unsigned long mounting_legacy_flags(const struct mounting_flags *flags)
{
    const uint64_t plain =
        flags->open ? flags->plain.set & ~(uint64_t)K_ATTR_RDONLY : flags->plain.set;
    return (flags->sync ? MS_SYNCHRONOUS : 0) | (flags->dirsync ? MS_DIRSYNC : 0) |
           (flags->lazytime ? MS_LAZYTIME : 0) | mounting_legacy_of(plain | flags->deep.set);
}
