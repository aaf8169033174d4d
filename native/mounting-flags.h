/*
 * What the words of mount options mean: in the plan, to mount_setattr(2), and to mount(2).  Pure;
 * init and the unit tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The words of a flag list (protocol.h, OP_MOUNT): MOUNT_ATTR_* bits to be set and to be
   cleared, of the mount itself (`plain`) and of all below it as well (`deep`). */
struct mounting_change {
    uint64_t set, clear;
};
struct mounting_flags {
    struct mounting_change plain, deep;
    bool recursive; /* a bind takes what is mounted below along, and `plain` is for that too */
    bool top;       /* `plain` is not */
    bool open;      /* of what is bound the top is writable for now, whatever `plain` says */
    bool sync, dirsync, lazytime;
    unsigned long propagation; /* MS_PRIVATE ..., 0: unchanged */
};
/* -1 and errno EINVAL for an unknown word. */
int mounting_parse_flags(const char *list, struct mounting_flags *flags);

/* "", or MS_PRIVATE ... with MS_REC for the r-prefix; -1 and errno EINVAL. */
int mounting_parse_propagation(const char *word, unsigned long *propagation);

/* The next word of a comma separated list; false at its end. */
bool mounting_next_word(const char **list, char *word, size_t room);

/* The same as MS_* of mount(2): of attributes, and of all that flags set. */
unsigned long mounting_legacy_of(uint64_t attributes);
unsigned long mounting_legacy_flags(const struct mounting_flags *flags);
