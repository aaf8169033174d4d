#include "user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"

/* What the caller asked for: a number, a name, or nothing. */
struct wanted {
    enum { NOTHING, NUMBER, NAME } kind;
    uint32_t id;
    char name[USER_MAX_NAME];
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
    if (!accounts_parse_id((struct accounts_field){wanted->name, length}, &wanted->id)) {
        fail(failure, EINVAL, what, "%s", wanted->name);
        failure_detail(failure, "ids are at most %u", ACCOUNTS_MAX_ID);
        return -1;
    }
    return 0;
}

static bool find_group(const struct accounts *group, const char *wanted, uint32_t *gid)
{
    size_t position = 0;
    struct accounts_field line, name, members;
    while (accounts_next_line(group, &position, &line)) {
        if (accounts_parse_group(line, &name, gid, &members) && accounts_equal(name, wanted))
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

static int add_groups_of(const struct accounts *group, struct accounts_field user_name,
                         struct user *user, struct failure *failure)
{
    size_t position = 0;
    struct accounts_field line, name, members, member;
    uint32_t gid;
    /* The check for duplicates in add_group() is quadratic; a process with so many
       groups does not exist, and a file that asks for them is an attack. */
    const size_t most = 4096;
    while (accounts_next_line(group, &position, &line)) {
        if (!accounts_parse_group(line, &name, &gid, &members))
            continue;
        while (accounts_next_field(&members, ',', &member)) {
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

static int add_additional(const struct accounts *group, const char *list, struct user *user,
                          struct failure *failure)
{
    struct accounts_field rest = {*list ? list : NULL, strlen(list)}, item;
    while (accounts_next_field(&rest, ',', &item)) {
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

static int not_found(const char *what, const char *name, const char *path,
                     const struct accounts *text, struct failure *failure)
{
    fail(failure, ENOENT, what, "%s", name);
    if (text->error != 0)
        failure_detail(failure, "%s cannot be read: %s", path, strerror(text->error));
    else if (text->cut_off)
        failure_detail(failure, "not in the first %u bytes of %s", ACCOUNTS_MAX_FILE, path);
    else
        failure_detail(failure, "not in %s", path);
    return -1;
}

/* Whether a file that says nothing of a user can be taken at its word.  What is no regular file is
   the image's choice. */
static int assert_read(const struct accounts *text, const char *what, const char *path,
                       struct user *user, struct failure *failure)
{
    if (text->cut_off)
        user->cut_off = path;
    static const int chosen[] = {0, ENOENT, ENOTDIR, EISDIR, ELOOP, EINVAL, ENXIO};
    for (size_t i = 0; i < sizeof(chosen) / sizeof(*chosen); i++) {
        if (text->error == chosen[i])
            return 0;
    }
    return fail(failure, text->error, what, "%s", path);
}

int user_lookup(int root, const char *spec, const char *additional, struct user *user,
                struct failure *failure)
{
    struct wanted who, primary;
    struct accounts_user entry;
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

    cleanup_accounts struct accounts passwd = accounts_read(root, "/etc/passwd");
    cleanup_accounts struct accounts group = accounts_read(root, "/etc/group");
    user->has_entry =
        accounts_find_user(&passwd, who.kind == NAME ? who.name : NULL, who.id, &entry);
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
        if (primary.kind == NOTHING &&
            assert_read(&passwd, "look up user", "/etc/passwd", user, failure) < 0)
            return -1;
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
        (assert_read(&group, "look up groups", "/etc/group", user, failure) < 0 ||
         add_groups_of(&group, entry.name, user, failure) < 0))
        return -1;
    return add_additional(&group, additional, user, failure);
}

int user_take_groups(const char *additional, struct user *user, struct failure *failure)
{
    static const struct accounts nothing;
    user->group_count = 0;
    return add_additional(&nothing, additional, user, failure);
}
