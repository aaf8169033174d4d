/*
 * connect(2) to a Unix socket, whose descriptor is then read like a file.
 *
 * node:net takes 5 ms to load; and Bun's closes a connection without having read what came when the
 * other end has closed already, as an init does whose program has been executed (departure.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "addon.h"

/* → a descriptor, or an errno below zero. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error;
    do
        error = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
    while (error == EINTR);
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

/* (path) → a descriptor, or an errno below zero. */
napi_value addon_connect_socket(napi_env env, napi_callback_info info)
{
    napi_value argument, result = NULL;
    size_t count = 1;
    char *path = NULL;
    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) == NAPI_OK && count == 1)
        path = addon_string(env, argument);
    napi_create_int32(env, path == NULL ? -EINVAL : connect_to(path), &result);
    free(path);
    return result;
}
