/*
 * Looks for a way out of the root: through descriptors that were inherited, through ".." above a
 * second chroot, and below the root when it is unmounted.  Says where it finds `argv[1]`, a path
 * that only the host has.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *wanted;

/* From the working directory upwards, and from every directory on the way down again. */
static void look(const char *where)
{
    for (int level = 0; level < 40; level++) {
        if (access(wanted + 1, F_OK) == 0) {
            printf("found through %s\n", where);
            return;
        }
        if (chdir("..") < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    char name[64];
    if (argc != 2 || argv[1][0] != '/')
        return 2;
    wanted = argv[1];
    for (int fd = 0; fd < 1024; fd++) {
        if (fchdir(fd) < 0)
            continue;
        snprintf(name, sizeof(name), "descriptor %d", fd);
        look(name);
    }
    for (int pid = 1; pid < 10; pid++) {
        static const char *const links[] = {"root", "cwd"};
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof(name), "/proc/%d/%s", pid, links[i]);
            if (chdir(name) == 0)
                look(name);
        }
    }
    int root = open("/", O_RDONLY | O_DIRECTORY);
    mkdir("/second", 0755);
    if (chroot("/second") == 0 && fchdir(root) == 0) {
        puts("left a chroot");
        look("a chroot");
        if (chroot(".") < 0)
            return 3;
    }
    if (umount2("/", MNT_DETACH) == 0)
        puts("unmounted the root");
    if (chdir("/") == 0)
        look("the root's place");
    if (fchdir(root) == 0)
        look("the root");
    puts("looked");
    return 0;
}
