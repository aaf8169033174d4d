#include "user-add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "kernel.h"
#include "memory.h"
#include "path.h"

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
    ssize_t written = write(fd, text, (size_t)length);
    if (written == length)
        return 0;
    /* Half a line may be right, with another id. */
    int error = written < 0 ? errno : ENOSPC;
    if (written > 0)
        (void)!ftruncate(fd, status.st_size);
    errno = error;
    return -1;
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
    cleanup_accounts struct accounts text = accounts_read(root, path);
    size_t position = 0;
    struct accounts_field line;
    while (accounts_next_line(&text, &position, &line)) {
        if (accounts_equal(line, wanted))
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
    struct accounts_field entry, name, members;
    uint32_t gid;
    cleanup_accounts struct accounts group = accounts_read(root, "/etc/group");
    snprintf(number, sizeof(number), "%u", user->gid);
    snprintf(uid, sizeof(uid), "%u", user->uid);
    while (accounts_next_line(&group, &position, &entry)) {
        if (accounts_parse_group(entry, &name, &gid, &members) &&
            (gid == user->gid || accounts_equal(name, number)))
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
    struct accounts_user entry;
    if (strlen(name) >= USER_MAX_NAME || strchr(line, '\n') != NULL) {
        errno = EINVAL;
        return -1;
    }
    cleanup_accounts struct accounts passwd = accounts_read(root, "/etc/passwd");
    if (accounts_find_user(&passwd, NULL, uid, &entry) ||
        accounts_find_user(&passwd, name, 0, &entry))
        return 0;
    if (passwd.error != 0 || passwd.cut_off) {
        errno = passwd.error != 0 ? passwd.error : EFBIG;
        return -1;
    }
    return has_line(root, "/etc/passwd", line) ? 0 : append_line(root, "/etc/passwd", line);
}
