/*
 * Makes a seccomp filter smaller without changing what it says.
 *
 * libseccomp compares with the number of each system call, hundreds for each architecture, and
 * the kernel checks, translates and tries every instruction whenever a filter is loaded.  Most
 * neighbouring numbers have the same answer, though: here a tree of ranges is built for each
 * architecture, and what looks at arguments is copied as it is.
 *
 * tsman-seccomp only; pure.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

/* Writes into `small`, of `room` instructions, a filter that decides as `filter` does for every
   struct seccomp_data.  Returns its length, or 0 where there is none that is smaller, or the
   filter does what libseccomp's do not: then the filter is to be used as it is. */
size_t seccomp_condense(const struct sock_filter *filter, size_t length, struct sock_filter *small,
                        size_t room);
