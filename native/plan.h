/*
 * The launch plan: the payload of a LAUNCH frame, checked completely before any
 * of it is acted upon (protocol.h; security case S29).
 *
 * plan_parse() is called by the monitor.  Stage 1 and init inherit the parsed
 * plan by fork; the monitor releases it once the program runs, since it may be
 * megabytes and the monitor stays.  Operands keep pointing into the payload.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct plan_record {
    uint16_t op;
    uint16_t argc;
    char **argv;      /* argc pointers and a NULL; each operand ends with a NUL */
    uint32_t *length; /* of the operands, without the NUL */
};

struct plan {
    size_t settings_count, steps_count;
    struct plan_record *settings; /* op < TSMAN_OP_STEP_BASE, in their order */
    struct plan_record *steps;    /* the others, in their order */
    void *pool;                   /* owns the arrays above */
};

/* `payload` must outlive the plan.  On an error nothing is left allocated. */
int plan_parse(struct plan *plan, const uint8_t *payload, size_t size, struct failure *failure);
void plan_release(struct plan *plan);

/* The first setting `op` at or after *position (start with 0), or NULL. */
const struct plan_record *plan_next(const struct plan *plan, uint16_t op, size_t *position);
const struct plan_record *plan_setting(const struct plan *plan, uint16_t op);
/* The first step `op`, or NULL. */
const struct plan_record *plan_step(const struct plan *plan, uint16_t op);

/* What the ENV step gives a variable, or NULL. */
const char *plan_environment(const struct plan *plan, const char *name);

/* Operands that plan_parse() has checked already. */
uint64_t plan_number(const struct plan_record *record, unsigned index);
uint64_t plan_octal(const struct plan_record *record, unsigned index);
uint64_t plan_hex(const struct plan_record *record, unsigned index);
int64_t plan_signed(const struct plan_record *record, unsigned index);
/* The number of "@12", or -1 for "". */
int plan_slot(const struct plan_record *record, unsigned index);

/* "mount", "bind", ...: the name of an op for messages. */
const char *plan_name(uint16_t op);

/* True if `list`, comma separated, has the word. */
bool plan_has_word(const char *list, const char *word);
