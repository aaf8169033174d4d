/* The words of mount options. */
#include "../mounting-flags.h"

#include <errno.h>
#include <sys/mount.h>

#include "../kernel.h"
#include "test.h"

static struct mounting_flags flags;

TEST(plain_words, "options set and clear the flags of a mount, and the last one counts")
{
    CHECK(mounting_parse_flags("ro,nosuid,exec", &flags) == 0);
    CHECK(flags.plain.set == (K_ATTR_RDONLY | K_ATTR_NOSUID));
    CHECK(flags.plain.clear == K_ATTR_NOEXEC);
    CHECK(flags.deep.set == 0 && flags.deep.clear == 0 && !flags.recursive);
    CHECK(mounting_parse_flags("ro,rw", &flags) == 0);
    CHECK(flags.plain.set == 0 && flags.plain.clear == K_ATTR_RDONLY);
    CHECK(mounting_parse_flags("rw,ro", &flags) == 0);
    CHECK(flags.plain.set == K_ATTR_RDONLY && flags.plain.clear == 0);
}

TEST(deep_words, "options with r in front are for all mounts below as well")
{
    CHECK(mounting_parse_flags("rbind,rro,nodev,rsuid", &flags) == 0);
    CHECK(flags.recursive);
    CHECK(flags.plain.set == K_ATTR_NODEV && flags.plain.clear == 0);
    CHECK(flags.deep.set == K_ATTR_RDONLY && flags.deep.clear == K_ATTR_NOSUID);
    /* Words that begin with r by themselves. */
    CHECK(mounting_parse_flags("ro,rw,relatime,rrelatime,rro", &flags) == 0);
    CHECK(flags.plain.clear == (K_ATTR_RDONLY | K_ATTR_ATIME));
    CHECK(flags.deep.clear == K_ATTR_ATIME && flags.deep.set == K_ATTR_RDONLY);
}

TEST(access_times, "kinds of access times replace each other as a whole")
{
    CHECK(mounting_parse_flags("noatime,strictatime", &flags) == 0);
    CHECK(flags.plain.set == K_ATTR_STRICTATIME && flags.plain.clear == K_ATTR_ATIME);
    CHECK(mounting_parse_flags("strictatime,relatime,nodiratime", &flags) == 0);
    CHECK(flags.plain.set == K_ATTR_NODIRATIME && flags.plain.clear == K_ATTR_ATIME);
}

TEST(other_words, "propagation and what is of a file system are told apart, the rest is refused")
{
    CHECK(mounting_parse_flags("rslave,sync,lazytime,bind,silent,,iversion", &flags) == 0);
    CHECK(flags.propagation == (MS_SLAVE | MS_REC) && flags.sync && flags.lazytime);
    CHECK(flags.plain.set == 0 && flags.plain.clear == 0);
    static const char *const wrong[] = {"r", "rr", "rrro", "rsync", "rbindx", "x", "ro=1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(mounting_parse_flags(wrong[i], &flags) < 0 && errno == EINVAL);
    char name[600];
    memset(name, 'r', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CHECK(mounting_parse_flags(name, &flags) < 0);
}
