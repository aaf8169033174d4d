/* A test harness in a page: TEST() registers a function under a sentence, CHECK()
   counts.  A failed check ends its test. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
    const char *sentence;
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);
void test_failed(const char *file, int line, const char *what);

/* A fresh empty directory, removed with all it holds at the end of the test, or when it asks for
   another. */
const char *test_directory(void);
/* Writes a file below it; returns 0. */
int test_write(const char *directory, const char *name, const void *data, size_t size);
/* Reads a whole file below it into a static buffer. */
const char *test_read(const char *directory, const char *name);

#define TEST(function, text)                                                                       \
    static void function(void);                                                                    \
    static struct test test_##function = {text, function, NULL};                                   \
    __attribute__((constructor)) static void register_##function(void)                             \
    {                                                                                              \
        test_register(&test_##function);                                                           \
    }                                                                                              \
    static void function(void)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_failed(__FILE__, __LINE__, #condition);                                           \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_STRING(actual, expected)                                                             \
    do {                                                                                           \
        const char *actual_ = (actual), *expected_ = (expected);                                   \
        if (strcmp(actual_, expected_) != 0) {                                                     \
            fprintf(stderr, "  got:      %s\n  expected: %s\n", actual_, expected_);               \
            test_failed(__FILE__, __LINE__, #actual);                                              \
            return;                                                                                \
        }                                                                                          \
    } while (0)
