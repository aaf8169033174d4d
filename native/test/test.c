#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test *first, **last = &first;
static int failures;
static bool current_failed;
static char directory[64];

void test_register(struct test *test)
{
    *last = test;
    last = &test->next;
}

void test_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "  %s:%d: %s\n", file, line, what);
    current_failed = true;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_directory(void)
{
    if (directory[0] != '\0')
        nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    directory[0] = '\0';
}

const char *test_directory(void)
{
    remove_directory();
    strcpy(directory, "/tmp/tsman-native-test.XXXXXX");
    if (mkdtemp(directory) == NULL)
        abort();
    return directory;
}

int test_write(const char *where, const char *name, const void *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", where, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    return 0;
}

const char *test_read(const char *where, const char *name)
{
    static char text[1 << 20];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", where, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

int main(void)
{
    int count = 0;
    for (struct test *test = first; test != NULL; test = test->next, count++) {
        current_failed = false;
        test->run();
        remove_directory();
        printf("%s %s\n", current_failed ? "FAIL" : "ok  ", test->sentence);
        failures += current_failed;
    }
    printf("%d tests, %d failed\n", count, failures);
    return failures == 0 && count > 0 ? 0 : 1;
}
