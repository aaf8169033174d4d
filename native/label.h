/* The program's label (OP_LABEL, proc_pid_attr(5)).  Init only. */
#pragma once

#include "init.h"

/* Has the next execve(2) take the label of the security module: "apparmor" or "selinux". */
int label_set(struct init *init, const struct plan_record *step);
