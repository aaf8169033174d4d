/*
 * execve(2) for the process that Node runs in; dist/libexec/replace-process.node.
 *
 * process.execve loads Node's worker threads and streams to ask whether it is called from one
 * (lib/internal/process/per_thread.js), 5 ms with the code that they run, and aborts the process
 * when the system refuses.  This returns the reason.
 *
 * Node-API is a stable ABI; these are its declarations as the documentation gives them
 * (https://nodejs.org/api/n-api.html), so that no headers of Node are needed for the build.  It
 * uses the libc that Node is linked against, whichever that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
enum { NAPI_OK = 0 };

int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_create_int32(napi_env, int32_t, napi_value *);
int napi_get_array_length(napi_env, napi_value, uint32_t *);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_element(napi_env, napi_value, uint32_t, napi_value *);
int napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
napi_value napi_register_module_v1(napi_env, napi_value);

/* NULL: no string, or no memory. */
static char *to_string(napi_env env, napi_value value)
{
    size_t length;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != NAPI_OK)
        return NULL;
    char *text = malloc(length + 1);
    if (text != NULL)
        napi_get_value_string_utf8(env, value, text, length + 1, &length);
    return text;
}

static char **to_strings(napi_env env, napi_value array)
{
    uint32_t length;
    if (napi_get_array_length(env, array, &length) != NAPI_OK)
        return NULL;
    char **texts = calloc((size_t)length + 1, sizeof(char *));
    for (uint32_t i = 0; texts != NULL && i < length; i++) {
        napi_value element;
        if (napi_get_element(env, array, i, &element) != NAPI_OK ||
            (texts[i] = to_string(env, element)) == NULL)
            return NULL;
    }
    return texts;
}

/* (program, arguments, environment as NAME=VALUE) → errno; what is allocated goes with the process,
   which ends soon if not now. */
static napi_value replace(napi_env env, napi_callback_info info)
{
    napi_value arguments[3], result = NULL;
    size_t count = 3;
    int error = EINVAL;
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == NAPI_OK && count == 3) {
        char *program = to_string(env, arguments[0]);
        char **argv = to_strings(env, arguments[1]), **environment = to_strings(env, arguments[2]);
        /* libuv marks what it opens, the standard streams included when they were closed. */
        for (int fd = 0; fd <= 2; fd++) {
            int flags = fcntl(fd, F_GETFD);
            if (flags >= 0)
                fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
        }
        if (program != NULL && argv != NULL && environment != NULL) {
            execve(program, argv, environment);
            error = errno;
        }
    }
    napi_create_int32(env, error, &result);
    return result;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    (void)exports;
    napi_value function = NULL;
    napi_create_function(env, "replaceProcess", strlen("replaceProcess"), replace, NULL, &function);
    return function;
}
