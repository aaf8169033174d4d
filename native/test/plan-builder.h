/* Plans made by hand, record by record, whole ones and broken ones. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../error.h"
#include "../plan.h"

struct builder {
    uint8_t *bytes;
    size_t size, room;
};

/* The bytes so far, and what became of them in builder_parse(). */
extern struct builder builder;
extern struct failure failure;
extern struct plan plan;

void builder_begin(void);
void builder_put(const void *data, size_t size);
/* The head of a record of ARGC operands, each of which builder_put_data() adds. */
void builder_put_head(uint16_t op, uint16_t argc);
void builder_put_data(const void *data, uint32_t size);
/* A record of up to three strings. */
void builder_record(uint16_t op, uint16_t argc, const char *a, const char *b, const char *c);
/* The least plan that is valid. */
void builder_least(void);
/* plan_parse(), into `plan` and `failure`. */
int builder_parse(void);
