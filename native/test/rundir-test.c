/* Files about a running container. */
#include "../process-stat.h"
#include "../rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static struct failure failure;

/* Wait statuses as the kernel encodes them (waitpid(2)). */
TEST(exit_files, "an exit file says what waitpid said and nothing else")
{
    char path[128];
    const char *directory = test_directory();
    static const struct {
        int status;
        enum oom oom;
        const char *text;
    } rows[] = {
        {0, OOM_NO, "status 0\nsignal 0\ncore 0\noom 0\nfinished "},
        {7 << 8, OOM_NO, "status 7\nsignal 0\ncore 0\noom 0\nfinished "},
        {9, OOM_UNKNOWN, "status 137\nsignal 9\ncore 0\noom unknown\nfinished "},
        {9, OOM_YES, "status 137\nsignal 9\ncore 0\noom 1\nfinished "},
        {11 | 0x80, OOM_NO, "status 139\nsignal 11\ncore 1\noom 0\nfinished "},
    };
    snprintf(path, sizeof(path), "%s/exit", directory);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        long long seconds;
        long nanoseconds;
        CHECK(rundir_write_exit_file(path, rows[i].status, rows[i].oom, i == 0) == 0);
        const char *text = test_read(directory, "exit");
        CHECK(strncmp(text, rows[i].text, strlen(rows[i].text)) == 0);
        CHECK(sscanf(text + strlen(rows[i].text), "%lld.%ld", &seconds, &nanoseconds) == 2);
        CHECK(seconds > 1700000000);
        CHECK((strstr(text, "\nrestart 1\n") != NULL) == (i == 0));
    }
}

TEST(one_monitor, "a second monitor cannot take a run directory and leaves it as it is")
{
    struct rundir first, second;
    char mine[64];
    const char *directory = test_directory();
    rundir_init(&first);
    rundir_init(&second);
    CHECK(rundir_open(&first, directory, &failure) == 0);
    snprintf(mine, sizeof(mine), "%d %llu\n", (int)getpid(),
             (unsigned long long)process_start_time(getpid()));
    CHECK_STRING(test_read(directory, "monitor"), mine);
    CHECK(rundir_open(&second, directory, &failure) < 0);
    CHECK(failure.errnum == EWOULDBLOCK);
    rundir_clear(&second, 1);
    CHECK_STRING(test_read(directory, "monitor"), mine);
    rundir_clear(&first, 1);
    CHECK_STRING(test_read(directory, "monitor"), "");
    close(first.control);
    close(first.lock);
    close(first.directory);
    memset(&failure, 0, sizeof(failure));
}
