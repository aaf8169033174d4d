/* The steps of a plan (protocol.h), one function each, called by init_run() in
   init.  They return 0, or -1 with init->failure filled. */
#pragma once

#include "init.h"

/* step-root.c */
int step_propagation(struct init *init, const struct plan_record *step);
int step_root_overlay(struct init *init, const struct plan_record *step);
int step_root_bind(struct init *init, const struct plan_record *step);
int step_enter_root(struct init *init);
int step_pivot(struct init *init);
int step_root_readonly(struct init *init);

/* step-mount.c */
int step_mount(struct init *init, const struct plan_record *step);
int step_bind(struct init *init, const struct plan_record *step);
int step_device(struct init *init, const struct plan_record *step);
int step_mask(struct init *init, const struct plan_record *step);
int step_overlay(struct init *init, const struct plan_record *step);
int step_change_mount(struct init *init, const struct plan_record *step);
int step_readonly(struct init *init, const struct plan_record *step);

/* step-file.c */
int step_mkdir(struct init *init, const struct plan_record *step);
int step_mknod(struct init *init, const struct plan_record *step);
int step_symlink(struct init *init, const struct plan_record *step);
int step_write_file(struct init *init, const struct plan_record *step);
int step_sysctl(struct init *init, const struct plan_record *step);
int step_loopback(struct init *init);
int step_copy_up(struct init *init, const struct plan_record *step);
