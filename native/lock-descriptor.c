/*
 * flock(2), where a foreign function interface would take milliseconds to load.
 */
#include <errno.h>
#include <sys/file.h>

#include "addon.h"

/* (descriptor) → errno.  Exclusive, and never waited for: EWOULDBLOCK. */
napi_value addon_lock_descriptor(napi_env env, napi_callback_info info)
{
    napi_value argument, result = NULL;
    size_t count = 1;
    int32_t fd, error = EINVAL;
    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) == NAPI_OK && count == 1 &&
        napi_get_value_int32(env, argument, &fd) == NAPI_OK)
        error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    napi_create_int32(env, error, &result);
    return result;
}
