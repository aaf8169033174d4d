/* The log writer and its rotation. */
#include "../log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
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

static off_t size_of(const char *name)
{
    char file[256];
    struct stat status;
    snprintf(file, sizeof(file), "%s/%s", directory, name);
    return stat(file, &status) == 0 ? status.st_size : -1;
}

/* As of a disk that is full until somebody makes room. */
static void let_grow(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(no_room, "a log that finds no room goes on when there is some, in whole lines")
{
    const uint8_t lost[] = "two\nthree, of which there is a part\n";
    begin(0, 0);
    write_text("stdout", "one\n");
    signal(SIGXFSZ, SIG_IGN);
    let_grow(container_log.size + 80);
    CHECK(log_write(&container_log, "stdout", lost, sizeof(lost) - 1) < 0);
    CHECK(log_write(&container_log, "stdout", lost + 4, sizeof(lost) - 5) < 0);
    let_grow(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    write_text("stdout", "four\n");
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"), "stdout F one\nstdout F two\nstdout F four\n");
}

TEST(emptied, "a log that somebody empties goes on at its beginning, also when it finds no room")
{
    const uint8_t lost[] = "three\nfour, of which there is a part\n";
    begin(0, 0);
    write_text("stdout", "one\ntwo, which is not to be kept\n");
    CHECK(truncate(path, 0) == 0);
    signal(SIGXFSZ, SIG_IGN);
    let_grow(100);
    CHECK(log_write(&container_log, "stdout", lost, sizeof(lost) - 1) < 0);
    let_grow(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    write_text("stdout", "five\n");
    CHECK(container_log.size == (uint64_t)size_of("ctr.log"));
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"), "stdout F three\nstdout F five\n");
}

TEST(emptied_limit, "and is renamed when it has grown over its limit again")
{
    begin(400, 1);
    for (int i = 0; i < 6; i++)
        write_text("stdout", "0123456789\n");
    CHECK(truncate(path, 0) == 0);
    for (int i = 0; i < 6; i++)
        write_text("stdout", "0123456789\n");
    CHECK(size_of("ctr.log.1") < 0);
    for (int i = 0; i < 6; i++)
        write_text("stdout", "0123456789\n");
    log_close(&container_log);
    CHECK(size_of("ctr.log.1") > 300 && size_of("ctr.log.1") <= 400);
}

TEST(torn_line, "a line whose beginning found no room has no end either")
{
    begin(0, 0);
    signal(SIGXFSZ, SIG_IGN);
    let_grow(0);
    CHECK(log_write(&container_log, "stdout", (const uint8_t *)"one\ntw", 6) < 0);
    let_grow(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    write_text("stdout", "o, ");
    write_text("stderr", "err\n");
    write_text("stdout", "still two\nthree\n");
    write_text("stdout", "four\n");
    log_close(&container_log);
    CHECK_STRING(lines("ctr.log"), "stderr F err\nstdout F three\nstdout F four\n");
}

TEST(torn_character, "nor does a character of it begin the next line")
{
    begin(0, 0);
    CHECK(log_set_format(&container_log, "json-file", "") == 0);
    signal(SIGXFSZ, SIG_IGN);
    let_grow(0);
    CHECK(log_write(&container_log, "stdout", (const uint8_t *)"one \xe2\x82", 6) < 0);
    let_grow(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    write_text("stdout", "\xac\ntwo\n");
    log_close(&container_log);
    const char *logged = test_read(directory, "ctr.log");
    CHECK(strncmp(logged, "{\"log\":\"two\\n\",", 15) == 0);
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

static void begin_json(const char *tag)
{
    begin(0, 0);
    if (log_set_format(&container_log, "json-file", tag) < 0)
        abort();
}

/* Without the times, which are 30 characters between quotation marks. */
static const char *json_lines(void)
{
    static char text[1 << 20];
    strcpy(text, test_read(directory, "ctr.log"));
    char *to = text;
    for (char *from = text; *from;) {
        char *time = strstr(from, ",\"time\":\"");
        if (time == NULL)
            break;
        memmove(to, from, (size_t)(time - from));
        to += time - from;
        from = time + strlen(",\"time\":\"") + 30 + strlen("\"");
        char *newline = strchr(from, '\n');
        memmove(to, from, (size_t)(newline + 1 - from));
        to += newline + 1 - from;
        from = newline + 1;
    }
    *to = '\0';
    return text;
}

TEST(json, "json-file has Docker's lines, and a part lacks its newline")
{
    begin_json("");
    write_text("stdout", "one\ntw");
    write_text("stderr", "\"\\\t\r\x01\n");
    log_close(&container_log);
    CHECK_STRING(json_lines(), "{\"log\":\"one\\n\",\"stream\":\"stdout\"}\n"
                               "{\"log\":\"tw\",\"stream\":\"stdout\"}\n"
                               "{\"log\":\"\\\"\\\\\\t\\r\\u0001\\n\",\"stream\":\"stderr\"}\n");
}

TEST(json_tag, "a tag is an attribute, whatever is in it")
{
    begin_json("a\"b");
    write_text("stdout", "x\n");
    log_close(&container_log);
    CHECK_STRING(json_lines(),
                 "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"a\\\"b\"}}\n");
}

TEST(json_text, "what is no UTF-8 is replaced, and what is stays")
{
    begin_json("");
    write_text("stdout", "\xc3\xa4 \xff \xc0\xaf \xed\xa0\x80 \xf0\x9f\x98\x80\n");
    log_close(&container_log);
    CHECK_STRING(json_lines(),
                 "{\"log\":\"\xc3\xa4 \\ufffd \\ufffd\\ufffd "
                 "\\ufffd\\ufffd\\ufffd \xf0\x9f\x98\x80\\n\",\"stream\":\"stdout\"}\n");
}

TEST(json_cut, "a character that two reads share stays whole")
{
    begin_json("");
    write_text("stdout", "a\xf0\x9f");
    write_text("stdout", "\x98");
    write_text("stderr", "other\n");
    write_text("stdout", "\x80"
                         "b\n");
    write_text("stdout", "\xe2\x82");
    write_text("stdout", "x\n");
    write_text("stdout", "\xc3");
    log_close(&container_log);
    CHECK_STRING(json_lines(), "{\"log\":\"a\",\"stream\":\"stdout\"}\n"
                               "{\"log\":\"other\\n\",\"stream\":\"stderr\"}\n"
                               "{\"log\":\"\xf0\x9f\x98\x80"
                               "b\\n\",\"stream\":\"stdout\"}\n"
                               "{\"log\":\"\\ufffdx\\n\",\"stream\":\"stdout\"}\n"
                               "{\"log\":\"\\ufffd\",\"stream\":\"stdout\"}\n");
}

TEST(json_flood, "a flood without newline becomes parts that lose nothing, of whole characters")
{
    begin_json("");
    static char flood[200000];
    for (size_t i = 0; i + 3 <= sizeof(flood); i += 3)
        memcpy(flood + i, "\xe2\x82\xac", 3);
    size_t size = sizeof(flood) / 3 * 3;
    for (size_t at = 0; at < size; at += 65536)
        log_write(&container_log, "stdout", (const uint8_t *)flood + at,
                  size - at < 65536 ? size - at : 65536);
    log_close(&container_log);
    const char *text = test_read(directory, "ctr.log");
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, "\xe2\x82\xac")) != NULL; at += 3)
        found++;
    CHECK(found == size / 3);
    CHECK(strstr(text, "ufffd") == NULL);
}

TEST(json_controls, "the worst text, six bytes for one, fits")
{
    begin_json("");
    static uint8_t flood[70000];
    memset(flood, 1, sizeof(flood));
    CHECK(log_write(&container_log, "stdout", flood, sizeof(flood)) == 0);
    log_close(&container_log);
    CHECK(size_of("ctr.log") > 6 * (off_t)sizeof(flood));
}

TEST(unknown_format, "a format that is none is refused")
{
    begin(0, 0);
    CHECK(log_set_format(&container_log, "xml", "") < 0);
    log_close(&container_log);
}

TEST(not_a_file, "a log that is a fifo is not opened, nor waited for")
{
    directory = test_directory();
    snprintf(path, sizeof(path), "%s/ctr.log", directory);
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(log_open(&container_log, path, 0, 0) < 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(log_open(&container_log, path, 0, 0) < 0);
    log_close(&container_log);
    close(reader);
}

TEST(short_lines, "many short lines in one read keep their order over the batches")
{
    begin(0, 0);
    static char text[70000];
    size_t used = 0;
    int count = 0;
    while (used < sizeof(text) - 8)
        used += (size_t)sprintf(text + used, "%d\n", count++);
    write_text("stdout", text);
    log_close(&container_log);
    const char *logged = lines("ctr.log");
    for (int i = 0; i < count; i++) {
        char expected[32];
        int length = sprintf(expected, "stdout F %d\n", i);
        CHECK(strncmp(logged, expected, (size_t)length) == 0);
        logged += length;
    }
    CHECK(*logged == '\0');
}
