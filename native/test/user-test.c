/* Looking up the user, security cases S20, S22 and S23. */
#include "../user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "user-image.h"

/* "uid:gid groups home", or the errno. */
static const char *described(const char *directory, const char *spec, const char *additional)
{
    static char text[512];
    if (look_up(directory, spec, additional) < 0) {
        snprintf(text, sizeof(text), "%s", user_failure.errnum == EINVAL ? "invalid" : "not found");
        return text;
    }
    int used = snprintf(text, sizeof(text), "%u:%u", user.uid, user.gid);
    for (size_t i = 0; i < user.group_count; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%c%u", i ? ',' : ' ',
                         user.groups[i]);
    snprintf(text + used, sizeof(text) - (size_t)used, " %s", user.home);
    return text;
}

TEST(table, "every spelling of a user gives exactly its ids, or an error")
{
    static const struct {
        const char *spec, *result;
    } rows[] = {
        {"", "0:0 0,10 /root"},
        {"0", "0:0 0,10 /root"},
        {"root", "0:0 0,10 /root"},
        {"1", "1:11 11 /home/one"},
        {"1:", "1:11 11 /home/one"},
        {":1", "0:1 1 /root"},
        {"01", "1:11 11 /home/one"},
        {"+1", "not found"},
        {" 1", "not found"},
        {"1 ", "not found"},
        {"0x1", "not found"},
        {"1e3", "not found"},
        {"1.0", "not found"},
        {"-1", "not found"},
        {"-0", "not found"},
        {"2147483647", "2147483647:0 0 /"},
        {"2147483648", "invalid"},
        {"4294967295", "invalid"},
        {"4294967296", "invalid"},
        {"18446744073709551616", "invalid"},
        {"00000000000000000000000000000000000000001", "1:11 11 /home/one"},
        {"bob", "1000:1001 1001,10,29 /home/bob"},
        {"1000", "1000:1001 1001,10,29 /home/bob"},
        {"bob2", "1000:1002 1002 /home/bob2"},
        {"123name", "123:123 123 /home/123"},
        {"unknown", "not found"},
        {"42", "42:0 0 /"},
        {"last", "9:9 9 /"},
        {"broken", "not found"},
        {"negative", "not found"},
        {"huge", "not found"},
        {"short", "not found"},
        {"5", "5:0 0 /"},
        {"bob:wheel", "1000:10 10 /home/bob"},
        {"1000:1000", "1000:1000 1000 /home/bob"},
        {"bob:", "1000:1001 1001,10,29 /home/bob"},
        {"5:wheel", "5:10 10 /"},
        {"5:bad", "not found"},
        {"5:unknown", "not found"},
        {"5:2147483648", "invalid"},
        {"5:-1", "not found"},
        {"bob:1:2", "not found"},
        {"root\n", "not found"},
    };
    const char *directory = image();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fprintf(stderr, "%s", "");
        CHECK_STRING(described(directory, rows[i].spec, ""), rows[i].result);
    }
}

TEST(additional, "additional groups come by number and by name, each once")
{
    const char *directory = image();
    CHECK_STRING(described(directory, "5", "wheel,29,10,7"), "5:0 0,10,29,7 /");
    CHECK_STRING(described(directory, "bob:1", "wheel"), "1000:1 1,10 /home/bob");
    CHECK_STRING(described(directory, "5", "nosuch"), "not found");
    CHECK_STRING(described(directory, "5", "4294967296"), "invalid");
    CHECK_STRING(described(directory, "5", ",,29,"), "5:0 0,29 /");
}

TEST(no_files, "without passwd a number works and a name does not")
{
    const char *directory = test_directory();
    CHECK_STRING(described(directory, "1000:5", ""), "1000:5 5 /");
    CHECK_STRING(described(directory, "", ""), "0:0 0 /");
    CHECK_STRING(described(directory, "root", ""), "not found");
    CHECK(strstr(user_failure.detail, "No such file") != NULL);
}

TEST(strange_files, "a passwd that is a fifo, a device, a directory or a link out is not read")
{
    char path[128], etc[128];
    const char *directory = test_directory();
    snprintf(etc, sizeof(etc), "%s/etc", directory);
    snprintf(path, sizeof(path), "%s/etc/passwd", directory);
    mkdir(etc, 0755);
    CHECK(mkfifo(path, 0644) == 0);
    CHECK_STRING(described(directory, "root", ""), "not found");
    CHECK_STRING(described(directory, "1000", ""), "1000:0 0 /");
    unlink(path);
    CHECK(symlink("/dev/zero", path) == 0);
    CHECK_STRING(described(directory, "root", ""), "not found");
    unlink(path);
    CHECK(symlink("../../../../../../../../etc/passwd", path) == 0);
    CHECK_STRING(described(directory, "root", ""), "not found");
    unlink(path);
    CHECK(symlink("/proc/self/root/etc/passwd", path) == 0);
    CHECK_STRING(described(directory, "root", ""), "not found");
    unlink(path);
    CHECK(mkdir(path, 0755) == 0);
    CHECK_STRING(described(directory, "root", ""), "not found");
}

/* In a process that may open the root, and nothing else. */
static int look_up_without_descriptors(const char *directory, const char *spec)
{
    pid_t pid = fork();
    if (pid == 0) {
        const int next = dup(0);
        close(next);
        const struct rlimit few = {(rlim_t)next + 1, (rlim_t)next + 1};
        setrlimit(RLIMIT_NOFILE, &few);
        _exit(look_up(directory, spec, "") < 0 ? user_failure.errnum : 0);
    }
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(unreadable, "a number says all only where the files can be read")
{
    const char *directory = image();
    CHECK(look_up_without_descriptors(directory, "") == EMFILE);
    CHECK(look_up_without_descriptors(directory, "1000") == EMFILE);
    CHECK(look_up_without_descriptors(directory, "1000:1001") == 0);
}

TEST(link_inside, "a passwd that links to a file inside the root is read")
{
    char path[128];
    const char *directory = image();
    snprintf(path, sizeof(path), "%s/etc/passwd", directory);
    unlink(path);
    test_write(directory, "real", "eve:x:66:66::/e:/bin/sh\n", 24);
    CHECK(symlink("/real", path) == 0);
    CHECK_STRING(described(directory, "eve", ""), "66:66 66 /e");
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

TEST(sparse, "ten gigabytes of passwd are read up to the limit only")
{
    char path[128];
    const char *directory = image();
    snprintf(path, sizeof(path), "%s/etc/passwd", directory);
    CHECK(truncate(path, 10LL << 30) == 0);
    double start = seconds();
    CHECK_STRING(described(directory, "bob", ""), "1000:1001 1001,10,29 /home/bob");
    CHECK_STRING(described(directory, "nobody-here", ""), "not found");
    CHECK(strstr(user_failure.detail, "first") != NULL);
    CHECK_STRING(described(directory, "555", ""), "555:0 0 /");
    CHECK_STRING(user.cut_off, "/etc/passwd");
    CHECK_STRING(described(directory, "555:5", ""), "555:5 5 /");
    CHECK(user.cut_off == NULL);
    CHECK(seconds() - start < 5);
}

TEST(many_groups, "a million groups with the user end in an error, soon")
{
    const char *directory = image();
    size_t room = 24u << 20, used = 0;
    char *text = malloc(room);
    for (unsigned i = 0; i < 1000000; i++)
        used += (size_t)snprintf(text + used, room - used, "g%u:x:%u:bob\n", i, i);
    test_write(directory, "etc/group", text, used);
    free(text);
    double start = seconds();
    CHECK(look_up(directory, "bob", "") < 0);
    CHECK(user_failure.errnum == E2BIG);
    CHECK(seconds() - start < 10);
}

TEST(exact_groups, "the groups that OCI names are all that there are")
{
    const char *directory = image();
    CHECK(look_up(directory, "4321:10", "") == 0);
    CHECK(user.group_count == 1 && user.groups[0] == 10);
    CHECK(user_take_groups("", &user, &user_failure) == 0 && user.group_count == 0);
    CHECK(user_take_groups("7,10,7", &user, &user_failure) == 0 && user.group_count == 2);
    CHECK(user.groups[0] == 7 && user.groups[1] == 10 && user.gid == 10);
    CHECK(user_take_groups("4294967295", &user, &user_failure) < 0);
}
