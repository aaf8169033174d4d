/*
 * The network helper (slirp4netns): a host program with the caller's ids that
 * lives as long as the container.  Monitor only.
 *
 * It holds the read end of a pipe whose write end is ours (exit_fd), so it ends
 * when the monitor does, however that happens.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"
#include "spawn.h"

struct net {
    struct spawn helper;
    int ready;      /* read end; -1 when it has said so, or is not used */
    int hold;       /* write end of exit_fd */
    bool publishes; /* it listens on the host's ports */
};

void net_init(struct net *net);

/* Starts the SET_NETWORK command for the namespaces of process `member`.  Its
   working directory is `directory`, the container's run directory (-1: it has none): a socket there
   has a path that is short enough wherever that is (unix(7): 107 bytes). */
int net_start(struct net *net, const struct plan_record *record, pid_t member, int directory,
              struct failure *failure);

/* After poll(2) on `ready`: true when the helper is ready. */
bool net_check_ready(struct net *net);

/* The helper has ended (the caller has waited for it) before it was ready. */
void net_failed(struct net *net, int status, struct failure *failure);

/* Kills it, and waits if it holds ports of the host: they are free on return.  The kernel takes its
   time to end any other, 20 ms and more for the tap device (netdev_run_todo waits for RCU), for
   which nobody has to wait: net_reap() does at the very end. */
void net_stop(struct net *net);

/* Waits for its end. */
void net_reap(struct net *net);
