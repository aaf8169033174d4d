/*
 * Descriptors that the caller has left open, for what Node starts: libuv marks them at its start,
 * but stops at the first number from 16 on that is not in use (uv_disable_stdio_inheritance()).
 */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

#define K_CLOSE_RANGE_CLOEXEC 4u /* Linux 5.11 */

/* → errno.  All descriptors from `first` on are closed by execve(2). */
napi_value addon_close_on_exec(napi_env env, napi_callback_info info)
{
    napi_value argument, result = NULL;
    size_t count = 1;
    int32_t first, error = EINVAL;
    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) == NAPI_OK && count == 1 &&
        napi_get_value_int32(env, argument, &first) == NAPI_OK && first > 2)
        error = syscall(SYS_close_range, first, UINT_MAX, K_CLOSE_RANGE_CLOEXEC) == 0 ? 0 : errno;
    napi_create_int32(env, error, &result);
    return result;
}
