#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "number.h"
#include "plan-grammar.h"
#include "plan-order.h"
#include "protocol.h"

/* A reader over the payload; every get_ checks what is left. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool get_bytes(struct cursor *cursor, size_t count, const uint8_t **bytes)
{
    if (cursor->left < count)
        return false;
    *bytes = cursor->at;
    cursor->at += count;
    cursor->left -= count;
    return true;
}

static bool get_u16(struct cursor *cursor, uint16_t *value)
{
    const uint8_t *b;
    if (!get_bytes(cursor, 2, &b))
        return false;
    *value = (uint16_t)(b[0] | b[1] << 8);
    return true;
}

static bool get_u32(struct cursor *cursor, uint32_t *value)
{
    const uint8_t *b;
    if (!get_bytes(cursor, 4, &b))
        return false;
    *value = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static bool get_operand(struct cursor *cursor, const uint8_t **bytes, uint32_t *length)
{
    const uint8_t *end;
    return get_u32(cursor, length) && get_bytes(cursor, *length, bytes) &&
           get_bytes(cursor, 1, &end) && *end == 0;
}

struct count {
    size_t settings, steps, arguments;
};

/* First pass: the shape of all records, within the limits. */
static int count_records(struct cursor cursor, struct count *count, struct failure *failure)
{
    while (cursor.left > 0) {
        size_t index = count->settings + count->steps;
        uint16_t op, argc;
        if (!get_u16(&cursor, &op) || !get_u16(&cursor, &argc))
            return fail(failure, EBADMSG, "parse plan", "record %zu: truncated", index);
        if (index >= TSMAN_MAX_RECORDS)
            return fail(failure, E2BIG, "parse plan", "more than %u records (TSMAN_MAX_RECORDS)",
                        TSMAN_MAX_RECORDS);
        if (argc > TSMAN_MAX_ARGS)
            return fail(failure, E2BIG, "parse plan",
                        "record %zu: more than %u operands (TSMAN_MAX_ARGS)", index,
                        TSMAN_MAX_ARGS);
        for (uint16_t i = 0; i < argc; i++) {
            const uint8_t *bytes;
            uint32_t length;
            if (!get_operand(&cursor, &bytes, &length))
                return fail(failure, EBADMSG, "parse plan",
                            "record %zu: operand %u is out of bounds", index, (unsigned)i);
        }
        if (op < TSMAN_OP_STEP_BASE)
            count->settings++;
        else
            count->steps++;
        count->arguments += argc;
    }
    return 0;
}

static int check_version(const struct plan *plan, struct failure *failure)
{
    const struct plan_record *version = plan_setting(plan, TSMAN_SET_VERSION);
    if (version == NULL || plan_number(version, 0) != TSMAN_PROTOCOL_VERSION)
        return fail(failure, EPROTO, "check protocol version", "%s instead of %d",
                    version ? version->argv[0] : "none", TSMAN_PROTOCOL_VERSION);
    return 0;
}

static int fill_records(struct plan *plan, struct cursor cursor, char **arguments,
                        uint32_t *lengths, struct failure *failure)
{
    uint8_t seen[TSMAN_OP_STEP_BASE] = {0};
    while (cursor.left > 0) {
        uint16_t op = 0, argc = 0;
        get_u16(&cursor, &op);
        get_u16(&cursor, &argc);
        struct plan_record *record = op < TSMAN_OP_STEP_BASE
                                         ? &plan->settings[plan->settings_count++]
                                         : &plan->steps[plan->steps_count++];
        *record = (struct plan_record){op, argc, arguments, lengths};
        for (uint16_t i = 0; i < argc; i++) {
            const uint8_t *bytes = NULL;
            get_operand(&cursor, &bytes, lengths++);
            *arguments++ = (char *)(uintptr_t)bytes;
        }
        *arguments++ = NULL;

        const struct plan_grammar *grammar = plan_grammar_of(op);
        if (grammar == NULL)
            return fail(failure, EBADMSG, "parse plan", "operation %u is unknown", (unsigned)op);
        if (plan_check_operands(record, grammar, failure) < 0)
            return -1;
        if (!grammar->repeated && seen[op]++)
            return fail(failure, EBADMSG, "parse plan", "%s is given twice", grammar->name);
    }
    return 0;
}

int plan_parse(struct plan *plan, const uint8_t *payload, size_t size, struct failure *failure)
{
    memset(plan, 0, sizeof(*plan));
    if (size > TSMAN_MAX_LAUNCH_BYTES)
        return fail(failure, E2BIG, "parse plan", "more than %u bytes (TSMAN_MAX_LAUNCH_BYTES)",
                    TSMAN_MAX_LAUNCH_BYTES);
    struct cursor cursor = {payload, size};
    struct count count = {0, 0, 0};
    if (count_records(cursor, &count, failure) < 0)
        return -1;

    size_t records = count.settings + count.steps;
    cleanup_free char *pool = calloc(1, records * sizeof(struct plan_record) +
                                            (count.arguments + records + 1) * sizeof(char *) +
                                            (count.arguments + 1) * sizeof(uint32_t));
    if (pool == NULL)
        return fail(failure, ENOMEM, "parse plan", "%zu records", records);
    plan->settings = (struct plan_record *)(void *)pool;
    plan->steps = plan->settings + count.settings;
    char **arguments = (char **)(void *)(plan->steps + count.steps);
    uint32_t *lengths = (uint32_t *)(void *)(arguments + count.arguments + records + 1);

    if (fill_records(plan, cursor, arguments, lengths, failure) < 0 ||
        check_version(plan, failure) < 0 || plan_check_order(plan, failure) < 0) {
        memset(plan, 0, sizeof(*plan));
        return -1;
    }
    plan->pool = pool;
    pool = NULL;
    return 0;
}

void plan_release(struct plan *plan)
{
    free(plan->pool);
    memset(plan, 0, sizeof(*plan));
}

const struct plan_record *plan_next(const struct plan *plan, uint16_t op, size_t *position)
{
    while (*position < plan->settings_count) {
        const struct plan_record *record = &plan->settings[(*position)++];
        if (record->op == op)
            return record;
    }
    return NULL;
}

const struct plan_record *plan_setting(const struct plan *plan, uint16_t op)
{
    size_t position = 0;
    return plan_next(plan, op, &position);
}

const struct plan_record *plan_step(const struct plan *plan, uint16_t op)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        if (plan->steps[i].op == op)
            return &plan->steps[i];
    }
    return NULL;
}

const char *plan_environment(const struct plan *plan, const char *name)
{
    const struct plan_record *record = plan_step(plan, TSMAN_OP_ENV);
    size_t length = strlen(name);
    const char *value = NULL;
    for (unsigned i = 0; record != NULL && i < record->argc; i++) {
        if (strncmp(record->argv[i], name, length) == 0 && record->argv[i][length] == '=')
            value = record->argv[i] + length + 1;
    }
    return value;
}

static uint64_t checked(const struct plan_record *record, unsigned index, unsigned base)
{
    uint64_t value = 0;
    if (strcmp(record->argv[index], "infinity") == 0)
        return UINT64_MAX;
    number_parse(record->argv[index], base, UINT64_MAX, &value);
    return value;
}

uint64_t plan_number(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 10);
}

uint64_t plan_octal(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 8);
}

uint64_t plan_hex(const struct plan_record *record, unsigned index)
{
    return checked(record, index, 16);
}

int64_t plan_signed(const struct plan_record *record, unsigned index)
{
    const char *text = record->argv[index];
    uint64_t value = 0;
    bool negative = text[0] == '-';
    number_parse(text + negative, 10, INT64_MAX, &value);
    return negative ? -(int64_t)value : (int64_t)value;
}

int plan_slot(const struct plan_record *record, unsigned index)
{
    uint64_t slot;
    return plan_is_slot(record->argv[index], &slot) ? (int)slot : -1;
}

bool plan_has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (*list) {
        size_t span = strcspn(list, ",");
        if (span == length && memcmp(list, word, length) == 0)
            return true;
        list += span + (list[span] == ',');
    }
    return false;
}
