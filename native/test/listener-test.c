/* Texts with a pid, and who answers for a filter's system calls. */
#include "../listener.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernel.h"
#include "../memory.h"
#include "../placeholder.h"
#include "../protocol.h"
#include "test.h"

TEST(placeholders, "as many places as are ours get the pid, and no other")
{
    size_t length;
    static const struct {
        const char *text, *filled;
    } rows[] = {
        {"{pid} {pid} {pid}", "42 42 {pid}"}, {"{pid", "{pid"}, {"", ""}, {"a{pid}", "a42"},
        {"{{pid}}{pid", "{42}{pid"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cleanup_free char *filled = placeholder_fill(rows[i].text, 42, 2, &length);
        CHECK_STRING(filled, rows[i].filled);
        CHECK(length == strlen(rows[i].filled));
    }
    cleanup_free char *longest = placeholder_fill("{pid}{pid}", 2147483647, 2, &length);
    CHECK_STRING(longest, "21474836472147483647");
}

static struct sock_filter handing_mkdirat[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct plan plan_of(char **operands)
{
    static uint32_t lengths[2];
    static struct plan_record record;
    record = (struct plan_record){TSMAN_SET_SECCOMP_LISTENER, 2, operands, lengths};
    return (struct plan){.settings_count = 1, .settings = &record};
}

/* As init: 0 if the listener's answer came, else what went wrong. */
static int load_and_ask(const struct plan *plan)
{
    struct failure failure = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || listener_prepare(plan, &failure) < 0)
        return 2;
    int filter = kernel_seccomp_set_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, handing_mkdirat, 4);
    if (filter < 0 || listener_send(filter, &failure) < 0)
        return 3;
    close(filter);
    return syscall(SYS_mkdirat, -100, "/tsman-no-such", 0700) < 0 && errno == EXDEV ? 0 : 4;
}

static int receive(int socket, char *text, size_t room, int *fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {text, room};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.space)};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(fd, CMSG_DATA(header), sizeof(*fd));
    text[got] = '\0';
    return 0;
}

/* Answers one call; the pid that it was told of. */
static pid_t answer(int listening)
{
    char text[128];
    int filter;
    cleanup_close int connection = accept(listening, NULL, NULL);
    if (connection < 0 || receive(connection, text, sizeof(text) - 1, &filter) < 0)
        return -1;
    struct seccomp_notif asked;
    memset(&asked, 0, sizeof(asked));
    struct seccomp_notif_resp response = {.error = -EXDEV};
    if (ioctl(filter, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0 || asked.data.nr != SYS_mkdirat)
        return -1;
    response.id = asked.id;
    if (ioctl(filter, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0)
        return -1;
    close(filter);
    int pid, again;
    if (sscanf(text, "pid %d and %d, not {pid}", &pid, &again) != 2 || pid != again)
        return -1;
    return (pid_t)asked.pid == pid ? pid : -1;
}

static int listen_at(const char *directory, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, name);
    if (chdir(directory) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1) < 0 || chdir("/") < 0)
        abort();
    return give_fd(&fd);
}

/* As stage 1, with init as its child; the status of init. */
static int start(const struct plan *plan)
{
    struct failure failure = {0};
    int status = 0;
    if (listener_connect(plan, &failure) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(load_and_ask(plan));
    listener_tell_pid(pid);
    if (listener_connection() != NULL)
        return 5;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 6;
}

static bool works_at(const char *directory, const char *name)
{
    char path[400], words[] = "pid {pid} and {pid}, not {pid}";
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    char *operands[] = {path, words, NULL};
    struct plan plan = plan_of(operands);
    cleanup_close int listening = listen_at(directory, name);
    pid_t stage = fork();
    if (stage == 0)
        _exit(start(&plan));
    pid_t told = answer(listening);
    int status = -1;
    waitpid(stage, &status, 0);
    return told > 0 && status == 0;
}

TEST(listens, "the listener gets the filter's descriptor and the pid, and answers")
{
    CHECK(works_at(test_directory(), "listener"));
}

TEST(listens_far_away, "its path may be longer than a socket's address")
{
    char name[101], directory[300];
    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(directory, sizeof(directory), "%s/%s", test_directory(), name);
    CHECK(mkdir(directory, 0700) == 0);
    CHECK(works_at(directory, "listener"));
}

TEST(nobody_listens, "where nobody listens there is no program")
{
    char path[128], words[] = "{pid}";
    snprintf(path, sizeof(path), "%s/nobody", test_directory());
    char *operands[] = {path, words, NULL};
    struct plan plan = plan_of(operands);
    struct failure failure = {0};
    CHECK(listener_connect(&plan, &failure) < 0 && failure.errnum == ENOENT);
    CHECK(listener_connection() == NULL);
}
