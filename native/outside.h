/*
 * A container in a pid namespace that is joined is made by a process that is not in it.
 *
 * Whoever is in that namespace already and may trace in the caller's user namespace, as a
 * container of rootless Podman with CAP_SYS_PTRACE, may do as init whatever init could: so long as
 * the host's root and descriptors of its directories are there, that is to read and write the
 * caller's files.  So stage 1 itself does init's steps up to the last that is not of the program
 * alone, lets go of all that is the host's, and of the rights to mount and the like
 * (privileges_narrow()), and only then forks init, which goes on behind that step.
 *
 * Its /proc is made from outside as well, see joined-proc.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init.h"
#include "joins.h"

/* Whether the operation is left for init, which may have no rights for any other. */
bool outside_leaves(uint16_t op);

/* In stage 1, and before its fork: `others`, besides what init needs, stay open. */
void outside_run(struct init *init, const int *others, size_t count);
