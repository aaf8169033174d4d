/*
 * What the clients of the attach socket are sent.  Monitor only, for attach.c; see attach.h.
 */
#pragma once

#include "attach.h"

/* Into the client's own buffer, which is empty. */
void attach_queue_frame(struct attach_client *client, uint32_t type, const uint8_t *payload,
                        uint32_t size);

/* True when the frame that was begun is sent. */
bool attach_send_rest(const struct attach *attach, struct attach_client *client);

bool attach_has_backlog(const struct attach *attach, const struct attach_client *client);

void attach_drop_client(struct attach_client *client);
