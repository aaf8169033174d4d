/*
 * What the kernel says of a process in /proc/PID/status (proc_pid_status(5)), for comparing it
 * with what was asked for (S33).
 *
 * Read by the monitor, of the program that runs (verify.h), and by init, of itself
 * (verify-init.h).  Ids are those of the user namespace of whoever has opened the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fact { INHERITABLE, PERMITTED, EFFECTIVE, BOUNDING, AMBIENT, NO_NEW_PRIVS, FILTERS, FACTS };

struct facts {
    uint64_t value[FACTS];
    bool known[FACTS]; /* FILTERS: Linux 5.9 */
    uid_t uid[4];      /* real, effective, saved, of the file system */
    gid_t gid[4];
    gid_t *groups; /* additional ones; malloc'ed */
    size_t group_count;
    bool ended; /* a zombie, or not even that */
};

/* The file's label of a fact: "CapInh:". */
const char *fact_label(enum fact fact);

/* Of an open `status` file, from its beginning.  -1 and errno; EBADMSG for what is none. */
int facts_read(int fd, struct facts *facts);
/* Of /proc/PID/status as this process sees it; `pid` may be "self". */
int facts_read_of(const char *pid, struct facts *facts);
/* Of this process itself, by system calls.  -1 and errno. */
int facts_ask(struct facts *facts);
/* The ids alone, for what another process has read, to which they may be other numbers; there are
   `group_count` groups. */
int facts_ask_ids(struct facts *facts);
void facts_release(struct facts *facts);
