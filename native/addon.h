/*
 * dist/libexec/process.node: what a command does as a process that Node does slowly or not at all.
 *
 *   replaceProcess(program, arguments, environment, descriptor)   replace-process.c
 *   startBeside(program, arguments, environment)                  start-beside.c
 *   closeOnExec(first)                                            close-on-exec.c
 *   lockDescriptor(descriptor)                                    lock-descriptor.c
 *
 * Node-API is a stable ABI; these are its declarations as the documentation gives them
 * (https://nodejs.org/api/n-api.html), so that no headers of Node are needed for the build.  The
 * addon uses the libc that Node is linked against, whichever that is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
enum { NAPI_OK = 0 };

int napi_create_array(napi_env, napi_value *);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_create_int32(napi_env, int32_t, napi_value *);
int napi_get_array_length(napi_env, napi_value, uint32_t *);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_element(napi_env, napi_value, uint32_t, napi_value *);
int napi_get_value_int32(napi_env, napi_value, int32_t *);
int napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
int napi_set_element(napi_env, napi_value, uint32_t, napi_value);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

/* A program, its arguments and its environment (NAME=VALUE), as execve(2) takes them.  Never freed:
   processes that share our memory read it. */
struct addon_command {
    char *program, **argv, **environment;
    int32_t descriptor; /* -1: none was given */
};

/* The arguments of a call; 0, or an errno. */
int addon_command(napi_env env, napi_callback_info info, struct addon_command *command);

/* NULL: no string, or no memory.  To be freed. */
char *addon_string(napi_env env, napi_value value);

napi_value addon_close_on_exec(napi_env env, napi_callback_info info);
napi_value addon_lock_descriptor(napi_env, napi_callback_info);
napi_value addon_replace_process(napi_env env, napi_callback_info info);
napi_value addon_start_beside(napi_env env, napi_callback_info info);
