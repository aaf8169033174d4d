#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env, napi_value);

char *addon_string(napi_env env, napi_value value)
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
            (texts[i] = addon_string(env, element)) == NULL)
            return NULL;
    }
    return texts;
}

int addon_command(napi_env env, napi_callback_info info, struct addon_command *command)
{
    napi_value arguments[4];
    size_t count = 4;
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != NAPI_OK || count < 3)
        return EINVAL;
    if (count < 4 || napi_get_value_int32(env, arguments[3], &command->descriptor) != NAPI_OK)
        command->descriptor = -1;
    command->program = addon_string(env, arguments[0]);
    command->argv = to_strings(env, arguments[1]);
    command->environment = to_strings(env, arguments[2]);
    return command->program && command->argv && command->environment ? 0 : EINVAL;
}

static void export_function(napi_env env, napi_value exports, const char *name,
                            napi_callback callback)
{
    napi_value function = NULL;
    napi_create_function(env, name, strlen(name), callback, NULL, &function);
    napi_set_named_property(env, exports, name, function);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    export_function(env, exports, "closeOnExec", addon_close_on_exec);
    export_function(env, exports, "lockDescriptor", addon_lock_descriptor);
    export_function(env, exports, "replaceProcess", addon_replace_process);
    export_function(env, exports, "startBeside", addon_start_beside);
    return exports;
}
