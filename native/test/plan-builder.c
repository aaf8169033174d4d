#include "plan-builder.h"

#include <stdlib.h>
#include <string.h>

#include "../protocol.h"

struct builder builder;
struct failure failure;
struct plan plan;

void builder_begin(void)
{
    builder.size = 0;
    memset(&failure, 0, sizeof(failure));
}

void builder_put(const void *data, size_t size)
{
    if (builder.size + size > builder.room) {
        builder.room = (builder.size + size) * 2;
        builder.bytes = realloc(builder.bytes, builder.room);
    }
    if (size > 0)
        memcpy(builder.bytes + builder.size, data, size);
    builder.size += size;
}

void builder_put_head(uint16_t op, uint16_t argc)
{
    uint8_t head[4] = {(uint8_t)op, (uint8_t)(op >> 8), (uint8_t)argc, (uint8_t)(argc >> 8)};
    builder_put(head, 4);
}

void builder_put_data(const void *data, uint32_t size)
{
    uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
                         (uint8_t)(size >> 24)};
    builder_put(length, 4);
    builder_put(data, size);
    builder_put("", 1);
}

void builder_record(uint16_t op, uint16_t argc, const char *a, const char *b, const char *c)
{
    const char *operands[] = {a, b, c};
    builder_put_head(op, argc);
    for (uint16_t i = 0; i < argc; i++)
        builder_put_data(operands[i], (uint32_t)strlen(operands[i]));
}

int builder_parse(void)
{
    /* An exact copy, so that the sanitizer sees a read beyond the end. */
    static uint8_t *copy;
    free(copy);
    copy = malloc(builder.size ? builder.size : 1);
    memcpy(copy, builder.bytes, builder.size);
    plan_release(&plan);
    memset(&failure, 0, sizeof(failure));
    int result = plan_parse(&plan, copy, builder.size, &failure);
    if (result < 0 && !failure.set)
        abort();
    return result;
}

void builder_least(void)
{
    builder_begin();
    builder_record(TSMAN_SET_VERSION, 1, "1", NULL, NULL);
    builder_record(TSMAN_OP_EXEC, 1, "/bin/true", NULL, NULL);
}
