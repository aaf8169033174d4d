/*
 * bin/tsman-oci: becomes dist/libexec/tsman-oci, which is Bun with our program in it, where the
 * build has made that; else, for a Node that the caller chose and in a directory that was removed,
 * where Bun does not start, bin/oci-by-node.sh.
 *
 * Not a script as bin/tsman is: Podman, containerd and Docker start it three times and more for
 * each container, and a shell takes half a millisecond of that; and what a caller tells Bun can be
 * left out by the beginning of its name here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char own_name[] = "/bin/tsman-oci";

/*
 * Not for an engine of ours: what its caller's programs are to load and to say.  Bun refuses to
 * start with a BUN_JSC_ setting that it does not know, and one names a file of code.  Ours are
 * below.
 */
static const char *const withheld[] = {"BUN_", "JSC_", "MIMALLOC_", "NODE_", "TSMAN_DESCRIPTORS="};
/* What these are for: src/config/environment.ts, which takes them away. */
static const char *const settings[] = {"BUN_JSC_useJIT=0", "MIMALLOC_ALLOW_THP=1",
                                       "BUN_ENABLE_CRASH_REPORTING=0"};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

__attribute__((format(printf, 2, 3))) _Noreturn static void die(const char *hint,
                                                                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "tsman-oci: error: ");
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, " (%s)\n", hint);
    exit(125);
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Where bin/ is, whatever links lead here.  Its length; the rest of `path` is left for more. */
static size_t find_installation(char *path, size_t room)
{
    ssize_t length = readlink("/proc/self/exe", path, room - 1);
    size_t tail = sizeof(own_name) - 1;
    if (length < 0)
        die("mount a proc file system on /proc", "read /proc/self/exe: %s", strerror(errno));
    path[length] = '\0';
    if ((size_t)length <= tail || strcmp(path + length - tail, own_name) != 0)
        die("start bin/tsman-oci of an installation, or a link to it",
            "find the installation: this is %s", path);
    path[(size_t)length - tail] = '\0';
    return (size_t)length - tail;
}

static void *allocate(size_t count)
{
    void *memory = calloc(count, sizeof(char *));
    if (memory == NULL)
        die("free some memory", "start tsman-oci: %s", strerror(ENOMEM));
    return memory;
}

/* " 0 1 2 5": what the caller has opened.  The engine opens some of its own, so only we can see. */
static char *opened_descriptors(void)
{
    /* The lowest come first, and no more than a thousand can be asked for. */
    static char text[32 + 12 * 4096] = "TSMAN_DESCRIPTORS=";
    size_t used = strlen(text);
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        die("mount a proc file system on /proc", "read /proc/self/fd: %s", strerror(errno));
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL && used + 12 < sizeof(text)) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
            used += (size_t)snprintf(text + used, sizeof(text) - used, " %.10s", entry->d_name);
    }
    closedir(directory);
    return text;
}

/* Node looks for some of its own options anywhere in a command line (bin/tsman); the program takes
   the mark away, with Bun as well. */
static char *marked(char *argument)
{
    if (!begins_with(argument, "--env-file") && !begins_with(argument, "--experimental-") &&
        argument[0] != '%')
        return argument;
    char *copy = NULL;
    if (asprintf(&copy, "%%%s", argument) < 0)
        die("free some memory", "start tsman-oci: %s", strerror(ENOMEM));
    return copy;
}

static char **program_arguments(int count, char **arguments, bool *preserves)
{
    char **made = allocate((size_t)count + 3);
    for (int i = 1; i < count; i++) {
        *preserves = *preserves || begins_with(arguments[i], "--preserve-fds");
        made[i + 1] = marked(arguments[i]);
    }
    return made;
}

static char **program_environment(char *descriptors)
{
    size_t count = 0, used = 0;
    while (environ[count] != NULL)
        count++;
    char **made = allocate(count + COUNT(settings) + 2);
    for (char **variable = environ; *variable != NULL; variable++) {
        bool keep = true;
        for (size_t i = 0; i < COUNT(withheld); i++)
            keep = keep && !begins_with(*variable, withheld[i]);
        if (keep)
            made[used++] = *variable;
    }
    for (size_t i = 0; i < COUNT(settings); i++)
        made[used++] = (char *)(uintptr_t)settings[i];
    if (descriptors != NULL)
        made[used++] = descriptors;
    return made;
}

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x8
#endif

/* Of some pages that each start needs; asked for without waiting (preadv2(2), which musl 1.2.3 does
   not have). */
static bool is_in_memory(int file, off_t size)
{
    enum { ASKED = 4 };
    for (int i = 1; i <= ASKED; i++) {
        char byte;
        struct iovec part = {&byte, 1};
        const unsigned long position = (unsigned long)size / (2 * ASKED) * (unsigned long)i;
        if (syscall(SYS_preadv2, file, &part, 1ul, position, 0ul, RWF_NOWAIT) < 0 &&
            errno == EAGAIN)
            return false;
    }
    return true;
}

/*
 * Reads a program in that no memory holds, as after the machine's start.  Most of it is needed at
 * once, and in order it comes in half the time of one page fault after the other; and what is read
 * so lies in large pieces (folios) of memory, of which each later start maps more at a time: a
 * quarter of its time.  Nothing here may fail.
 */
static void read_in_order(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0 && !is_in_memory(file, status.st_size)) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
        /* Without a copy. */
        while (nowhere >= 0 && sendfile(nowhere, file, NULL, 4 << 20) > 0)
            ;
        close(nowhere);
    }
    close(file);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

int main(int argc, char **argv)
{
    char path[PATH_MAX + 64], here[PATH_MAX];
    bool preserves = is_set("LISTEN_FDS");
    size_t root = find_installation(path, PATH_MAX);
    char **arguments = program_arguments(argc, argv, &preserves);
    char **environment = program_environment(preserves ? opened_descriptors() : NULL);
    if (!is_set("TSMAN_NODE") && getcwd(here, sizeof(here)) != NULL) {
        strcpy(path + root, "/dist/libexec/tsman-oci");
        arguments[1] = argv[0];
        read_in_order(path);
        execve(path, arguments + 1, environment);
        /* Where Bun does not run, the build has made none. */
    }
    strcpy(path + root, "/bin/oci-by-node.sh");
    arguments[0] = (char *)(uintptr_t) "sh";
    arguments[1] = path;
    execve("/bin/sh", arguments, environment);
    die(errno == E2BIG ? "give it fewer, or shorter, arguments and environment variables"
                       : "tsman needs a shell there",
        "execute /bin/sh: %s", strerror(errno));
}
