/* Lines that go to the journal. */
#include "../log.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

static struct log container_log;
static char path[128];

static void write_text(const char *stream, const char *text)
{
    log_write(&container_log, stream, (const uint8_t *)text, strlen(text));
}

/* At `path`, which may have had another one. */
static int rebind(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        abort();
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    return fd;
}

static int journal_socket(void)
{
    snprintf(path, sizeof(path), "%s/socket", test_directory());
    return rebind();
}

static const char *datagram(int fd)
{
    static char text[LOG_MAX_LINE + 4096];
    ssize_t got = recv(fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static char name_field[] = "CONTAINER_NAME=web", id_field[] = "CONTAINER_ID=0123";
static char *const fields[] = {name_field, id_field};

TEST(journal, "each line is a datagram with its fields, a part says so")
{
    int fd = journal_socket();
    CHECK(log_open_journal(&container_log, path, fields, 2) == 0);
    write_text("stdout", "one\ntw");
    write_text("stderr", "oops\n");
    CHECK_STRING(datagram(fd), "PRIORITY=6\nCONTAINER_NAME=web\nCONTAINER_ID=0123\nMESSAGE=one\n");
    CHECK_STRING(datagram(fd), "PRIORITY=6\nCONTAINER_NAME=web\nCONTAINER_ID=0123\n"
                               "CONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=tw\n");
    CHECK_STRING(datagram(fd), "PRIORITY=3\nCONTAINER_NAME=web\nCONTAINER_ID=0123\nMESSAGE=oops\n");
    CHECK_STRING(datagram(fd), "");
    log_close(&container_log);
    close(fd);
}

TEST(journal_restarts, "a journal that is started anew is found again")
{
    int fd = journal_socket();
    CHECK(log_open_journal(&container_log, path, fields, 2) == 0);
    close(fd);
    CHECK(log_write(&container_log, "stdout", (const uint8_t *)"lost\n", 5) < 0);
    fd = rebind();
    CHECK(log_write(&container_log, "stdout", (const uint8_t *)"found\n", 6) == 0);
    CHECK(strstr(datagram(fd), "MESSAGE=found\n") != NULL);
    log_close(&container_log);
    close(fd);
}

TEST(journal_stalls, "a journal that reads nothing holds nobody up for long")
{
    int fd = journal_socket();
    CHECK(log_open_journal(&container_log, path, fields, 2) == 0);
    bool lost = false;
    for (int i = 0; i < 2000 && !lost; i++)
        lost = log_write(&container_log, "stdout", (const uint8_t *)"x\ny\nz\n", 6) < 0;
    CHECK(lost);
    log_close(&container_log);
    close(fd);
}

TEST(journal_fields, "fields that would forge others are refused")
{
    char forged_field[] = "CONTAINER_NAME=a\nPRIORITY=0", no_field[] = "nothing";
    char *const forged[] = {forged_field};
    char *const nameless[] = {no_field};
    int fd = journal_socket();
    CHECK(log_open_journal(&container_log, path, forged, 1) < 0);
    CHECK(log_open_journal(&container_log, path, nameless, 1) < 0);
    log_close(&container_log);
    close(fd);
}
