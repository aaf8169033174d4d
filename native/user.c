#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "memory.h"
#include "number.h"
#include "path.h"

struct text {
    char *bytes;
    size_t length;
    int error;    /* why there is nothing to read */
    bool cut_off; /* the file goes on */
};

static void release_text(const struct text *text)
{
    free(text->bytes);
}
#define cleanup_text __attribute__((cleanup(release_text)))

static struct text read_text(int root, const char *path)
{
    struct text text = {NULL, 0, 0, false};
    struct stat status;
    cleanup_close int fd = path_open_regular(root, path, O_RDONLY);
    if (fd < 0 || fstat(fd, &status) < 0) {
        text.error = errno;
        return text;
    }
    /* One byte more than the size, to see that it has not grown. */
    size_t room =
        status.st_size < (off_t)USER_MAX_FILE ? (size_t)status.st_size + 1 : USER_MAX_FILE;
    text.cut_off = status.st_size > (off_t)USER_MAX_FILE;
    text.bytes = malloc(room);
    while (text.bytes != NULL && text.length < room) {
        ssize_t got = read(fd, text.bytes + text.length, room - text.length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.length += (size_t)got;
    }
    return text;
}

struct span {
    const char *at;
    size_t length;
};

static bool next_line(const struct text *text, size_t *position, struct span *line)
{
    if (*position >= text->length)
        return false;
    line->at = text->bytes + *position;
    const char *end = memchr(line->at, '\n', text->length - *position);
    line->length = end ? (size_t)(end - line->at) : text->length - *position;
    *position += line->length + 1;
    return true;
}

/* The next field up to `separator`; false when there is none left. */
static bool next_field(struct span *rest, char separator, struct span *field)
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

static bool equals(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool parse_id(struct span span, uint32_t *id)
{
    uint64_t value;
    if (!number_parse_span(span.at, span.length, 10, USER_MAX_ID, &value))
        return false;
    *id = (uint32_t)value;
    return true;
}

/* What the caller asked for: a number, a name, or nothing. */
struct wanted {
    enum { NOTHING, NUMBER, NAME } kind;
    uint32_t id;
    char name[256];
};

static int parse_wanted(const char *text, size_t length, const char *what, struct wanted *wanted,
                        struct failure *failure)
{
    wanted->kind = NOTHING;
    if (length == 0)
        return 0;
    if (length >= sizeof(wanted->name))
        return fail(failure, EINVAL, what, "a name of %zu characters", length);
    memcpy(wanted->name, text, length);
    wanted->name[length] = '\0';
    if (strspn(wanted->name, "0123456789") != length) {
        wanted->kind = NAME;
        return 0;
    }
    wanted->kind = NUMBER;
    if (!parse_id((struct span){wanted->name, length}, &wanted->id)) {
        fail(failure, EINVAL, what, "%s", wanted->name);
        failure_detail(failure, "ids are at most %u", USER_MAX_ID);
        return -1;
    }
    return 0;
}

/* name:password:uid:gid:comment:home:shell */
struct entry {
    struct span name, home;
    uint32_t uid, gid;
};

static bool parse_entry(struct span line, struct entry *entry)
{
    struct span password, uid, gid, comment;
    if (!next_field(&line, ':', &entry->name) || !next_field(&line, ':', &password) ||
        !next_field(&line, ':', &uid) || !next_field(&line, ':', &gid) || entry->name.length == 0 ||
        !parse_id(uid, &entry->uid) || !parse_id(gid, &entry->gid))
        return false;
    entry->home = (struct span){"", 0};
    if (next_field(&line, ':', &comment))
        next_field(&line, ':', &entry->home);
    return true;
}

static bool find_entry(const struct text *passwd, const struct wanted *wanted, struct entry *entry)
{
    size_t position = 0;
    struct span line;
    while (next_line(passwd, &position, &line)) {
        if (!parse_entry(line, entry))
            continue;
        if (wanted->kind == NAME ? equals(entry->name, wanted->name) : entry->uid == wanted->id)
            return true;
    }
    return false;
}

/* name:password:gid:member,member */
static bool parse_group(struct span line, struct span *name, uint32_t *gid, struct span *members)
{
    struct span password, id;
    *members = (struct span){NULL, 0};
    if (!next_field(&line, ':', name) || !next_field(&line, ':', &password) ||
        !next_field(&line, ':', &id) || name->length == 0 || !parse_id(id, gid))
        return false;
    next_field(&line, ':', members);
    return true;
}

static bool find_group(const struct text *group, const char *wanted, uint32_t *gid)
{
    size_t position = 0;
    struct span line, name, members;
    while (next_line(group, &position, &line)) {
        if (parse_group(line, &name, gid, &members) && equals(name, wanted))
            return true;
    }
    return false;
}

static int add_group(struct user *user, gid_t gid, struct failure *failure)
{
    for (size_t i = 0; i < user->group_count; i++) {
        if (user->groups[i] == gid)
            return 0;
    }
    if (user->group_count == USER_MAX_GROUPS)
        return fail(failure, E2BIG, "look up groups", "more than %u groups", USER_MAX_GROUPS);
    /* Room grows by doubling, whenever the count is a power of two. */
    if ((user->group_count & (user->group_count - 1)) == 0) {
        size_t room = user->group_count ? user->group_count * 2 : 1;
        gid_t *groups = realloc(user->groups, room * sizeof(gid_t));
        if (groups == NULL)
            return fail(failure, ENOMEM, "look up groups", "%zu groups", room);
        user->groups = groups;
    }
    user->groups[user->group_count++] = gid;
    return 0;
}

static int add_groups_of(const struct text *group, struct span user_name, struct user *user,
                         struct failure *failure)
{
    size_t position = 0;
    struct span line, name, members, member;
    uint32_t gid;
    /* The check for duplicates in add_group() is quadratic; a process with so many
       groups does not exist, and a file that asks for them is an attack. */
    const size_t most = 4096;
    while (next_line(group, &position, &line)) {
        if (!parse_group(line, &name, &gid, &members))
            continue;
        while (next_field(&members, ',', &member)) {
            if (member.length != user_name.length ||
                memcmp(member.at, user_name.at, member.length) != 0)
                continue;
            if (user->group_count >= most)
                return fail(failure, E2BIG, "look up groups", "more than %zu groups", most);
            if (add_group(user, gid, failure) < 0)
                return -1;
            break;
        }
    }
    return 0;
}

static int add_additional(const struct text *group, const char *list, struct user *user,
                          struct failure *failure)
{
    struct span rest = {*list ? list : NULL, strlen(list)}, item;
    while (next_field(&rest, ',', &item)) {
        struct wanted wanted;
        uint32_t gid;
        if (item.length == 0)
            continue;
        if (parse_wanted(item.at, item.length, "look up group", &wanted, failure) < 0)
            return -1;
        gid = wanted.id;
        if (wanted.kind == NAME && !find_group(group, wanted.name, &gid))
            return fail(failure, ENOENT, "look up group", "%s", wanted.name);
        if (add_group(user, gid, failure) < 0)
            return -1;
    }
    return 0;
}

static int not_found(const char *what, const char *name, const char *path, const struct text *text,
                     struct failure *failure)
{
    fail(failure, ENOENT, what, "%s", name);
    if (text->error != 0)
        failure_detail(failure, "%s cannot be read: %s", path, strerror(text->error));
    else if (text->cut_off)
        failure_detail(failure, "not in the first %u bytes of %s", USER_MAX_FILE, path);
    else
        failure_detail(failure, "not in %s", path);
    return -1;
}

int user_lookup(int root, const char *spec, const char *additional, struct user *user,
                struct failure *failure)
{
    struct wanted who, primary;
    struct entry entry;
    memset(user, 0, sizeof(*user));
    strcpy(user->home, "/");
    const char *colon = strchr(spec, ':');
    size_t length = colon ? (size_t)(colon - spec) : strlen(spec);
    if (parse_wanted(spec, length, "look up user", &who, failure) < 0)
        return -1;
    const char *group_part = colon ? colon + 1 : "";
    if (parse_wanted(group_part, strlen(group_part), "look up group", &primary, failure) < 0)
        return -1;
    if (who.kind == NOTHING)
        who.id = 0; /* the user that an image without USER has */

    cleanup_text struct text passwd = read_text(root, "/etc/passwd");
    cleanup_text struct text group = read_text(root, "/etc/group");
    user->has_entry = find_entry(&passwd, &who, &entry);
    if (user->has_entry) {
        user->uid = entry.uid;
        user->gid = entry.gid;
        if (entry.home.length > 0 && entry.home.length < sizeof(user->home)) {
            memcpy(user->home, entry.home.at, entry.home.length);
            user->home[entry.home.length] = '\0';
        }
    } else if (who.kind == NAME) {
        return not_found("look up user", who.name, "/etc/passwd", &passwd, failure);
    } else {
        user->uid = who.id;
    }
    if (primary.kind == NUMBER) {
        user->gid = primary.id;
    } else if (primary.kind == NAME) {
        uint32_t gid;
        if (!find_group(&group, primary.name, &gid))
            return not_found("look up group", primary.name, "/etc/group", &group, failure);
        user->gid = gid;
    }
    if (add_group(user, user->gid, failure) < 0)
        return -1;
    if (primary.kind == NOTHING && user->has_entry &&
        add_groups_of(&group, entry.name, user, failure) < 0)
        return -1;
    return add_additional(&group, additional, user, failure);
}

int user_take_groups(const char *additional, struct user *user, struct failure *failure)
{
    static const struct text nothing;
    user->group_count = 0;
    return add_additional(&nothing, additional, user, failure);
}

/* A file that is reached through a mount, or is one, belongs to the host. */
static bool is_of_root(int root, int fd)
{
    uint64_t ours, its;
    return kernel_mount_id(root, &ours) == 0 && kernel_mount_id(fd, &its) == 0 && ours == its;
}

/* The name may be the image's for another uid. */
static bool is_free_name(int root, const char *name)
{
    struct user other;
    struct failure ignored = {0};
    if (name[0] == '\0' || strpbrk(name, ":\n") != NULL)
        return false;
    int found = user_lookup(root, name, "", &other, &ignored);
    free(other.groups);
    return found < 0 && ignored.errnum == ENOENT;
}

/* A line at the end of a file that is the root's own; -1 and errno. */
static int append_line(int root, const char *path, const char *line)
{
    char text[700], last = '\n';
    struct stat status;
    cleanup_close int fd = path_open_regular(root, path, O_RDWR | O_APPEND);
    if (fd < 0 || fstat(fd, &status) < 0)
        return -1;
    if (!is_of_root(root, fd)) {
        errno = EXDEV;
        return -1;
    }
    if (status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) != 1)
        return -1;
    int length = snprintf(text, sizeof(text), "%s%s\n", last == '\n' ? "" : "\n", line);
    if (length >= (int)sizeof(text)) {
        errno = EINVAL;
        return -1;
    }
    return write(fd, text, (size_t)length) == length ? 0 : -1;
}

/* One variable of a form. */
struct variable {
    const char *name, *value;
};

/* The form with its variables filled in; the longest name that fits counts.  -1 and errno. */
static int fill_form(const char *form, const struct variable *variables, char *line, size_t room)
{
    size_t used = 0;
    while (*form != '\0') {
        const struct variable *found = NULL;
        for (const struct variable *one = variables; *form == '$' && one->name != NULL; one++) {
            if (strncmp(form + 1, one->name, strlen(one->name)) == 0 &&
                (found == NULL || strlen(one->name) > strlen(found->name)))
                found = one;
        }
        const char *text = found ? found->value : form;
        size_t length = found ? strlen(found->value) : 1;
        if (used + length >= room) {
            errno = EINVAL;
            return -1;
        }
        memcpy(line + used, text, length);
        used += length;
        form += found ? strlen(found->name) + 1 : 1;
    }
    line[used] = '\0';
    return 0;
}

/* Whether the file has it; so it is not appended at each start. */
static bool has_line(int root, const char *path, const char *wanted)
{
    cleanup_text struct text text = read_text(root, path);
    size_t position = 0;
    struct span line;
    while (next_line(&text, &position, &line)) {
        if (equals(line, wanted))
            return true;
    }
    return false;
}

static int append_form(int root, const char *path, const char *form,
                       const struct variable *variables)
{
    char line[690];
    if (fill_form(form, variables, line, sizeof(line)) < 0)
        return -1;
    if (strchr(line, '\n') != NULL) {
        errno = EINVAL;
        return -1;
    }
    return has_line(root, path, line) ? 0 : append_line(root, path, line);
}

int user_add_entry(int root, const struct user *user, const char *form)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof(uid), "%u", user->uid);
    snprintf(gid, sizeof(gid), "%u", user->gid);
    const char *name = is_free_name(root, user->name) ? user->name : uid;
    if (strpbrk(user->home, ":\n") != NULL) {
        errno = EINVAL;
        return -1;
    }
    const struct variable variables[] = {
        {"USERNAME", name},         {"UID", uid},         {"GID", gid},
        {"NAME", "container user"}, {"HOME", user->home}, {NULL, NULL},
    };
    if (form == NULL)
        form = "$USERNAME:x:$UID:$GID:$NAME:$HOME:/bin/sh";
    return append_form(root, "/etc/passwd", form, variables);
}

int user_add_group(int root, const struct user *user, const char *form)
{
    char number[16], uid[16];
    size_t position = 0;
    struct span entry, name, members;
    uint32_t gid;
    cleanup_text struct text group = read_text(root, "/etc/group");
    snprintf(number, sizeof(number), "%u", user->gid);
    snprintf(uid, sizeof(uid), "%u", user->uid);
    while (next_line(&group, &position, &entry)) {
        if (parse_group(entry, &name, &gid, &members) && (gid == user->gid || equals(name, number)))
            return 0;
    }
    if (group.error != 0 || group.cut_off) {
        errno = group.error != 0 ? group.error : EFBIG;
        return -1;
    }
    const struct variable variables[] = {
        {"GROUPNAME", number},
        {"GID", number},
        {"USERLIST", user->name[0] != '\0' ? user->name : uid},
        {NULL, NULL},
    };
    return append_form(root, "/etc/group", form ? form : "$GROUPNAME:x:$GID:", variables);
}

int user_add_line(int root, const char *name, uint32_t uid, const char *line)
{
    struct entry entry;
    const struct wanted by_id = {.kind = NUMBER, .id = uid};
    struct wanted by_name = {.kind = NAME};
    if (strlen(name) >= sizeof(by_name.name) || strchr(line, '\n') != NULL) {
        errno = EINVAL;
        return -1;
    }
    strcpy(by_name.name, name);
    cleanup_text struct text passwd = read_text(root, "/etc/passwd");
    if (find_entry(&passwd, &by_id, &entry) || find_entry(&passwd, &by_name, &entry))
        return 0;
    if (passwd.error != 0 || passwd.cut_off) {
        errno = passwd.error != 0 ? passwd.error : EFBIG;
        return -1;
    }
    return has_line(root, "/etc/passwd", line) ? 0 : append_line(root, "/etc/passwd", line);
}
