#include "user-image.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "broken:x:abc:0::/:/bin/sh\n"
                             "negative:x:-1:0::/:/bin/sh\n"
                             "huge:x:4294967296:0::/:/bin/sh\n"
                             "short:x:5\n"
                             "one:x:1:11::/home/one:/bin/sh\n"
                             "bob:x:1000:1001:Bob:/home/bob:/bin/sh\n"
                             "bob2:x:1000:1002::/home/bob2:/bin/sh\n"
                             "123name:x:123:123::/home/123:/bin/sh\n"
                             "42:x:0:0::/root:/bin/sh\n"
                             ":x:77:77::/:/bin/sh\n"
                             "last:x:9:9";
static const char group[] = "root:x:0:root\n"
                            "bad:x:zz:bob\n"
                            "wheel:x:10:root,bob\n"
                            "bobs:x:1001:\n"
                            "audio:x:29:bob,bobby\n"
                            "bobby:x:30:bobby,\n"
                            "dup:x:10:bob\n";

struct user user;
struct failure user_failure;

int look_up(const char *directory, const char *spec, const char *additional)
{
    int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(user.groups);
    memset(&user_failure, 0, sizeof(user_failure));
    int result = user_lookup(root, spec, additional, &user, &user_failure);
    close(root);
    return result;
}

const char *image(void)
{
    char path[128];
    const char *directory = test_directory();
    snprintf(path, sizeof(path), "%s/etc", directory);
    mkdir(path, 0755);
    test_write(directory, "etc/passwd", passwd, sizeof(passwd) - 1);
    test_write(directory, "etc/group", group, sizeof(group) - 1);
    return directory;
}
