/* The log writer and its rotation. */
#include "../log.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static struct log container_log;
static char path[128];
static const char *directory;

static void begin(uint64_t limit, unsigned old_files)
{
    directory = test_directory();
    snprintf(path, sizeof(path), "%s/ctr.log", directory);
    if (log_open(&container_log, path, limit, old_files) < 0)
        abort();
}

static void write_text(const char *stream, const char *text)
{
    log_write(&container_log, stream, (const uint8_t *)text, strlen(text));
}

/* Without the times, which are 35 characters. */
static const char *lines(const char *name)
{
    static char text[1 << 20];
    size_t used = 0;
    const char *from = test_read(directory, name);
    while (*from) {
        size_t length = strcspn(from, "\n");
        if (length > 36) {
            memcpy(text + used, from + 36, length - 36);
            used += length - 36;
        }
        text[used++] = '\n';
        from += length + (from[length] == '\n');
    }
    text[used] = '\0';
    return text;
}

TEST(whole_lines, "whole lines are logged with F, the rest of a read with P")
{
    begin(0, 0);
    write_text("stdout", "one\ntwo\nthr");
    write_text("stderr", "ee\n");
    write_text("stdout", "\n");
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"),
                 "stdout F one\nstdout F two\nstdout P thr\nstderr F ee\nstdout F \n");
}

TEST(time_format, "times have nanoseconds and the zone that Podman writes")
{
    int year, month, day, hour, minute, second, nano, end = 0;
    begin(0, 0);
    write_text("stdout", "x\n");
    log_close(&container_log);
    CHECK(sscanf(test_read(directory, "ctr.log"), "%4d-%2d-%2dT%2d:%2d:%2d.%9d+00:00 stdout F x%n",
                 &year, &month, &day, &hour, &minute, &second, &nano, &end) == 7);
    CHECK(end == 46);
}

TEST(private_file, "the log is readable by its owner only")
{
    struct stat status;
    begin(0, 0);
    log_close(&container_log);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
}

TEST(long_line, "a line longer than the limit becomes parts that end with F")
{
    begin(0, 0);
    char *text = malloc(40001);
    memset(text, 'x', 40000);
    text[39999] = '\n';
    text[40000] = '\0';
    write_text("stdout", text);
    log_close(&container_log);
    const char *logged = lines("ctr.log");
    CHECK(strncmp(logged, "stdout P x", 10) == 0);
    CHECK(strstr(logged, "\nstdout P x") != NULL);
    CHECK(strstr(logged, "\nstdout F x") != NULL);
    CHECK(strlen(logged) == 39999 + 3 * (strlen("stdout P ") + 1));
    free(text);
}

TEST(binary, "NUL and other bytes are logged as they are")
{
    begin(0, 0);
    log_write(&container_log, "stdout", (const uint8_t *)"a\0b\xff\n", 5);
    log_close(&container_log);
    const char *text = test_read(directory, "ctr.log");
    CHECK(memcmp(text + 45, "a\0b\xff\n", 5) == 0);
}

static off_t size_of(const char *name)
{
    char file[256];
    struct stat status;
    snprintf(file, sizeof(file), "%s/%s", directory, name);
    return stat(file, &status) == 0 ? status.st_size : -1;
}

TEST(rotation, "no file grows over its limit and the oldest lines go first")
{
    begin(1000, 3);
    for (int i = 0; i < 200; i++) {
        char line[32];
        snprintf(line, sizeof(line), "line %d\n", i);
        write_text("stdout", line);
    }
    log_close(&container_log);
    CHECK(size_of("ctr.log") > 0 && size_of("ctr.log") <= 1000);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "ctr.log.%d", i);
        CHECK(size_of(name) > 900 && size_of(name) <= 1000);
    }
    CHECK(size_of("ctr.log.4") < 0);
    /* Each line once, in order, over all files. */
    static const char *const files[] = {"ctr.log.3", "ctr.log.2", "ctr.log.1", "ctr.log"};
    int expected = -1;
    for (int i = 0; i < 4; i++) {
        char *text = strdup(lines(files[i]));
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            int number;
            CHECK(sscanf(line, "stdout F line %d", &number) == 1);
            CHECK(expected < 0 || number == expected + 1);
            expected = number;
        }
        free(text);
    }
    CHECK(expected == 199);
}

TEST(one_large_read, "a read of many lines is rotated between its lines")
{
    begin(2000, 2);
    char text[8000];
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%050d\n", i);
    write_text("stdout", text);
    log_close(&container_log);
    CHECK(size_of("ctr.log") <= 2000 && size_of("ctr.log.1") <= 2000);
    CHECK(size_of("ctr.log.1") > 1800 && size_of("ctr.log.3") < 0);
}

TEST(no_old_files, "without old files the log starts again")
{
    begin(500, 0);
    for (int i = 0; i < 50; i++)
        write_text("stdout", "0123456789\n");
    log_close(&container_log);
    CHECK(size_of("ctr.log") > 0 && size_of("ctr.log") <= 500);
    CHECK(size_of("ctr.log.1") < 0);
}

TEST(over_limit, "a line longer than the limit is logged all the same")
{
    begin(50, 1);
    write_text("stdout", "a line that does not fit\n");
    write_text("stdout", "nor does this one fit\n");
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"), "stdout F nor does this one fit\n");
    CHECK_STRING(lines("ctr.log.1"), "stdout F a line that does not fit\n");
}

TEST(appends, "an existing log is continued")
{
    begin(0, 0);
    write_text("stdout", "first\n");
    log_close(&container_log);
    CHECK(log_open(&container_log, path, 0, 0) == 0);
    write_text("stdout", "second\n");
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"), "stdout F first\nstdout F second\n");
}

TEST(link_refused, "a log that is a symbolic link is not opened")
{
    directory = test_directory();
    snprintf(path, sizeof(path), "%s/ctr.log", directory);
    CHECK(symlink("/dev/null", path) == 0);
    CHECK(log_open(&container_log, path, 0, 0) < 0);
    log_close(&container_log);
}
