/*
 * What each operation of a plan takes.  For plan.c and plan-order.c, in the monitor and in
 * the native session; the operations themselves are in protocol.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"

/*
 * One character per operand:
 *   s string   p string that is not empty   d data (may hold NULs)
 *   n decimal, 32 bits   N decimal, 64 bits, or "infinity"   i id (<= 2^31 - 1 or
 *   any 32-bit value that is not -1)   o octal   x hexadecimal, 64 bits
 *   z decimal, 63 bits and a sign
 *   b 0 or 1   @ slot   ? slot or ""
 * "(...)" closes the specification: these operands repeat, any number of times;
 * "[...]" as well, but at least once.
 */
struct plan_grammar {
    uint16_t op;
    const char *name, *operands;
    bool repeated; /* a setting that may be given more than once */
};

/* NULL for an unknown operation. */
const struct plan_grammar *plan_grammar_of(uint16_t op);

/* The character for operand `index`, see above. */
char plan_operand_type(const struct plan_grammar *grammar, size_t index);

/* Whether the record has operands as its operation takes them: 0, or -1 and a failure. */
int plan_check_operands(const struct plan_record *record, const struct plan_grammar *grammar,
                        struct failure *failure);

/* "@N" */
bool plan_is_slot(const char *text, uint64_t *slot);
