#include "accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "number.h"
#include "path.h"

void accounts_release(const struct accounts *accounts)
{
    free(accounts->bytes);
}

struct accounts accounts_read(int root, const char *path)
{
    struct accounts text = {NULL, 0, 0, false};
    struct stat status;
    cleanup_close int fd = path_open_regular(root, path, O_RDONLY);
    if (fd < 0 || fstat(fd, &status) < 0) {
        text.error = errno;
        return text;
    }
    /* One byte more than the size, to see that it has not grown. */
    size_t room =
        status.st_size < (off_t)ACCOUNTS_MAX_FILE ? (size_t)status.st_size + 1 : ACCOUNTS_MAX_FILE;
    text.cut_off = status.st_size > (off_t)ACCOUNTS_MAX_FILE;
    text.bytes = malloc(room);
    /* Else a user without a line would be somebody else. */
    if (text.bytes == NULL)
        text.error = ENOMEM;
    while (text.bytes != NULL && text.length < room) {
        ssize_t got = read(fd, text.bytes + text.length, room - text.length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            text.error = errno;
        if (got <= 0)
            break;
        text.length += (size_t)got;
    }
    return text;
}

bool accounts_next_line(const struct accounts *text, size_t *position, struct accounts_field *line)
{
    if (*position >= text->length)
        return false;
    line->at = text->bytes + *position;
    const char *end = memchr(line->at, '\n', text->length - *position);
    line->length = end ? (size_t)(end - line->at) : text->length - *position;
    *position += line->length + 1;
    return true;
}

bool accounts_next_field(struct accounts_field *rest, char separator, struct accounts_field *field)
{
    if (rest->at == NULL)
        return false;
    const char *end = memchr(rest->at, separator, rest->length);
    field->at = rest->at;
    field->length = end ? (size_t)(end - rest->at) : rest->length;
    if (end == NULL) {
        rest->at = NULL;
        rest->length = 0;
    } else {
        rest->length -= field->length + 1;
        rest->at = end + 1;
    }
    return true;
}

bool accounts_equal(struct accounts_field span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

bool accounts_parse_id(struct accounts_field span, uint32_t *id)
{
    uint64_t value;
    if (!number_parse_span(span.at, span.length, 10, ACCOUNTS_MAX_ID, &value))
        return false;
    *id = (uint32_t)value;
    return true;
}

static bool parse_entry(struct accounts_field line, struct accounts_user *entry)
{
    struct accounts_field password, uid, gid, comment;
    if (!accounts_next_field(&line, ':', &entry->name) ||
        !accounts_next_field(&line, ':', &password) || !accounts_next_field(&line, ':', &uid) ||
        !accounts_next_field(&line, ':', &gid) || entry->name.length == 0 ||
        !accounts_parse_id(uid, &entry->uid) || !accounts_parse_id(gid, &entry->gid))
        return false;
    entry->home = (struct accounts_field){"", 0};
    if (accounts_next_field(&line, ':', &comment))
        accounts_next_field(&line, ':', &entry->home);
    return true;
}

bool accounts_find_user(const struct accounts *passwd, const char *name, uint32_t uid,
                        struct accounts_user *user)
{
    size_t position = 0;
    struct accounts_field line;
    while (accounts_next_line(passwd, &position, &line)) {
        if (!parse_entry(line, user))
            continue;
        if (name ? accounts_equal(user->name, name) : user->uid == uid)
            return true;
    }
    return false;
}

bool accounts_parse_group(struct accounts_field line, struct accounts_field *name, uint32_t *gid,
                          struct accounts_field *members)
{
    struct accounts_field password, id;
    *members = (struct accounts_field){NULL, 0};
    if (!accounts_next_field(&line, ':', name) || !accounts_next_field(&line, ':', &password) ||
        !accounts_next_field(&line, ':', &id) || name->length == 0 || !accounts_parse_id(id, gid))
        return false;
    accounts_next_field(&line, ':', members);
    return true;
}
