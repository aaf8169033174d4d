/* Lines that are added to passwd and group. */
#include "../user-add.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "test.h"
#include "user-image.h"

TEST(new_entry, "an entry is appended for a user that has none")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(look_up(directory, "4321:10", "") == 0);
    CHECK(!user.has_entry);
    CHECK(user_add_entry(root, &user, NULL) == 0);
    close(root);
    CHECK(strstr(test_read(directory, "etc/passwd"),
                 "last:x:9:9\n4321:x:4321:10:container user:/:/bin/sh\n") != NULL);
    CHECK(look_up(directory, "4321", "") == 0 && user.has_entry);
}

TEST(named_entry, "an entry gets the name that it shall have, unless another line has it")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(look_up(directory, "4321:10", "") == 0);
    strcpy(user.name, "alice");
    CHECK(user_add_entry(root, &user, NULL) == 0);
    CHECK(strstr(test_read(directory, "etc/passwd"), "\nalice:x:4321:10:") != NULL);
    CHECK(look_up(directory, "4322:10", "") == 0);
    strcpy(user.name, "alice");
    CHECK(user_add_entry(root, &user, NULL) == 0);
    CHECK(strstr(test_read(directory, "etc/passwd"), "\n4322:x:4322:10:") != NULL);
    CHECK(look_up(directory, "4323:10", "") == 0);
    strcpy(user.name, "x:0:0:evil\ny");
    CHECK(user_add_entry(root, &user, NULL) == 0);
    CHECK(strstr(test_read(directory, "etc/passwd"), "evil") == NULL);
    close(root);
}

TEST(new_group, "a line is appended for a group that has none, once")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(look_up(directory, "0:4321", "") == 0);
    CHECK(user_add_group(root, &user, NULL) == 0);
    CHECK(user_add_group(root, &user, NULL) == 0);
    const char *line = strstr(test_read(directory, "etc/group"), "\n4321:x:4321:\n");
    CHECK(line != NULL && strstr(line + 1, "4321:x") == line + 1);
    CHECK(line != NULL && strstr(line + 8, "\n4321:x") == NULL);
    CHECK(look_up(directory, "0:10", "") == 0);
    size_t before = strlen(test_read(directory, "etc/group"));
    CHECK(user_add_group(root, &user, NULL) == 0);
    CHECK(strlen(test_read(directory, "etc/group")) == before);
    close(root);
}

TEST(formed_entry, "an entry has the form that is asked for, and is appended once")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(look_up(directory, "4321:10", "") == 0);
    const char *form = "$USERNAME-$UIDX:*:77:$GID:$NAME $:$HOME:/bin/ash";
    CHECK(user_add_entry(root, &user, form) == 0);
    CHECK(user_add_entry(root, &user, form) == 0);
    const char *line = strstr(test_read(directory, "etc/passwd"),
                              "\n4321-4321X:*:77:10:container user $:/:/bin/ash\n");
    CHECK(line != NULL && line[strlen("\n4321-4321X:*:77:10:container user $:/:/bin/ash\n")] == 0);
    CHECK(user_add_entry(root, &user, "$UID\nevil:x:0:0") < 0);
    char longest[1200];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    CHECK(user_add_entry(root, &user, longest) < 0 && errno == EINVAL);
    CHECK(strstr(test_read(directory, "etc/passwd"), "evil") == NULL);
    CHECK(look_up(directory, "0:4321", "") == 0);
    CHECK(user_add_group(root, &user, "g$GROUPNAME:*:$GID:$USERLIST") == 0);
    CHECK(strstr(test_read(directory, "etc/group"), "\ng4321:*:4321:0\n") != NULL);
    close(root);
}

TEST(host_user, "a user of the host is added unless its name or id is there")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(user_add_line(root, "carol", 4000, "carol:*:4000:4000::/:/bin/sh") == 0);
    CHECK(user_add_line(root, "carol", 4001, "carol:*:4001:4001::/:/bin/sh") == 0);
    CHECK(user_add_line(root, "dave", 4000, "dave:*:4000:4000::/:/bin/sh") == 0);
    CHECK(user_add_line(root, "erin", 4002, "erin:*:4002:4002::/\nevil:x:0:0") < 0);
    const char *text = test_read(directory, "etc/passwd");
    CHECK(strstr(text, "\ncarol:*:4000:4000::/:/bin/sh\n") != NULL);
    CHECK(strstr(text, "4001") == NULL && strstr(text, "dave") == NULL);
    CHECK(strstr(text, "evil") == NULL);
    CHECK(look_up(directory, "carol", "") == 0 && user.uid == 4000);
    close(root);
}

TEST(hostile_entry, "no entry is appended with a home that would forge another line")
{
    const char *directory = image();
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(look_up(directory, "4321:10", "") == 0);
    strcpy(user.home, "/x\nevil:x:0:0");
    CHECK(user_add_entry(root, &user, NULL) < 0);
    close(root);
    CHECK(strstr(test_read(directory, "etc/passwd"), "evil") == NULL);
}
