#include "keyring.h"

#include <stdbool.h>
#include <stdio.h>

#include "kernel.h"
#include "protocol.h"

static bool is_joined;

int keyring_join(const struct plan *plan)
{
    char name[80];
    const struct plan_record *id = plan_setting(plan, TSMAN_SET_ID);
    if (is_joined)
        return 0;
    snprintf(name, sizeof(name), "_ses.%.64s", id ? id->argv[0] : "tsman");
    if (kernel_keyring_join_session(name) < 0)
        return -1;
    is_joined = true;
    return 0;
}
