/* Namespaces that are made before anybody joins them. */
#include "../prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../map.h"
#include "../sync.h"
#include "test.h"

static struct map_request request;

/* The own id alone, as every caller may map it. */
static void map_own_ids(const char *count)
{
    char id[16];
    request = (struct map_request){.deny_setgroups = true};
    snprintf(id, sizeof(id), "%u", (unsigned)geteuid());
    map_add(request.uid, &request.uid_length, "0", id, count);
    snprintf(id, sizeof(id), "%u", (unsigned)getegid());
    map_add(request.gid, &request.gid_length, "0", id, count);
}

/* The giver's exit status. */
static int give(struct prepared *prepared, bool with_network)
{
    int pair[2], status = -1;
    if (sync_pair(pair) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        _exit(prepared_give(pair[1], &request, with_network));
    }
    close(pair[1]);
    prepared_receive(&pair[0], prepared);
    waitpid(pid, &status, 0);
    return pair[0] == -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_same(int namespace, const char *path)
{
    struct stat a, b;
    return fstat(namespace, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* In a child, which is root there afterwards. */
static int joined(struct prepared prepared)
{
    int user = prepared.user, network = prepared.network, status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int user_too = dup(user), network_too = network < 0 ? -1 : dup(network);
        bool is_in = prepared_join(&user, CLONE_NEWUSER) && geteuid() == 0 && getegid() == 0 &&
                     is_same(user_too, "/proc/self/ns/user");
        bool has_network =
            prepared_join(&network, CLONE_NEWNET) && is_same(network_too, "/proc/self/ns/net");
        _exit((is_in ? 1 : 0) + (has_network ? 2 : 0));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void drop(struct prepared *prepared)
{
    if (prepared->user >= 0)
        close(prepared->user);
    if (prepared->network >= 0)
        close(prepared->network);
}

TEST(both,
     "what comes is a mapped user namespace and a network namespace of it, and nobody in them")
{
    struct prepared prepared;
    map_own_ids("1");
    CHECK(give(&prepared, true) == 0);
    CHECK(prepared.user >= 0 && prepared.network >= 0);
    CHECK(!is_same(prepared.user, "/proc/self/ns/user"));
    CHECK(!is_same(prepared.network, "/proc/self/ns/net"));
    /* The giver is a child that has been waited for; one of its own would be ours by now. */
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    CHECK(joined(prepared) == 3);
    drop(&prepared);
}

TEST(user_only, "a network namespace is made for those alone who want one")
{
    struct prepared prepared;
    map_own_ids("1");
    CHECK(give(&prepared, false) == 0);
    CHECK(prepared.user >= 0 && prepared.network == -1);
    CHECK(joined(prepared) == 1);
    drop(&prepared);
}

TEST(refused, "of a map that the kernel refuses nothing comes, and nothing waits")
{
    struct prepared prepared;
    map_own_ids("0");
    CHECK(give(&prepared, true) == 1);
    CHECK(prepared.user == -1 && prepared.network == -1);
}

TEST(nobody, "without a giver there is nothing to wait for")
{
    struct prepared prepared;
    int none = -1;
    prepared_receive(&none, &prepared);
    CHECK(prepared.user == -1 && prepared.network == -1);
    CHECK(!prepared_join(&prepared.user, CLONE_NEWUSER));
}
