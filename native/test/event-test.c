/* Lines in the file of events. */
#include "../event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static struct events events;

static void prepare(const char *path, const char *line)
{
    events = (struct events){.count = 1};
    events.list[0] = (struct event){strdup("died"), strdup(path), strdup(line)};
}

TEST(event_line, "an event's line gets the moment and the outcome, and nothing else is touched")
{
    char path[128], rest[128];
    long long seconds;
    long nanoseconds;
    const char *directory = test_directory();
    snprintf(path, sizeof(path), "%s/events", directory);
    test_write(directory, "events", "before\n", 7);
    prepare(path, "{\"time\":\"{time}\",\"outcome\":\"{status}\",\"name\":\"{status}{time}%s\"}\n");
    CHECK(event_write(&events, "died", "137") == 0);
    const char *text = test_read(directory, "events");
    CHECK(sscanf(text, "before\n{\"time\":\"%lld.%ld\",%127s", &seconds, &nanoseconds, rest) == 3);
    CHECK(seconds > 1700000000);
    CHECK_STRING(rest, "\"outcome\":\"137\",\"name\":\"{status}{time}%s\"}");
    CHECK(text[strlen(text) - 1] == '\n');
    events_release(&events);
}

TEST(event_file, "the file of events is made for its owner alone, and a link is not followed")
{
    char path[128], link[128];
    struct stat status;
    const char *directory = test_directory();
    snprintf(path, sizeof(path), "%s/events", directory);
    snprintf(link, sizeof(link), "%s/link", directory);
    prepare(path, "plain\n");
    CHECK(event_write(&events, "died", "0") == 0);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK_STRING(test_read(directory, "events"), "plain\n");
    events_release(&events);
    CHECK(symlink(path, link) == 0);
    prepare(link, "stray\n");
    CHECK(event_write(&events, "died", "0") < 0 && errno == ELOOP);
    CHECK_STRING(test_read(directory, "events"), "plain\n");
    events_release(&events);
}

TEST(event_unprepared, "an event that nobody prepared is not written")
{
    const char *directory = test_directory();
    char path[128];
    snprintf(path, sizeof(path), "%s/events", directory);
    prepare(path, "plain\n");
    CHECK(event_write(&events, "exec_died", "0") == 0);
    CHECK(access(path, F_OK) < 0 && errno == ENOENT);
    events_release(&events);
}
