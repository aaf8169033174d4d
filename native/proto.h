/*
 * Frames on the control socket (protocol.h), the monitor's side.
 *
 * The descriptor is the caller's socket; it may be gone at any time, and then
 * `fd` is -1 and sending does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define PROTO_MAX_COMMAND 64 /* payload of any frame from the caller but LAUNCH */

struct proto {
    int fd;
    size_t have;
    uint8_t buffer[8 + PROTO_MAX_COMMAND];
};

/* Blocks for the first frame, which must be LAUNCH; *payload is mmap'ed, the
   caller releases it with munmap(*payload, *size).  -1: `failure` says why; a
   closed socket is errno ECONNRESET. */
int proto_read_launch(struct proto *proto, uint8_t **payload, size_t *size,
                      struct failure *failure);

struct proto_frame {
    uint32_t type, length;
    const uint8_t *payload; /* valid until the next call */
};

/* Reads what is there without blocking: 1 a frame, 0 nothing more now, -1 the
   socket is closed or its data makes no sense (it is closed then). */
int proto_next(struct proto *proto, struct proto_frame *frame);

uint32_t proto_u32(const uint8_t *bytes);
uint16_t proto_u16(const uint8_t *bytes);
void proto_put_u32(uint8_t *bytes, uint32_t value);

/* A frame is sent whole, or the connection is over: proto_next() says so. */
void proto_send(struct proto *proto, uint32_t type, const void *payload, size_t size);
void proto_send_created(struct proto *proto, pid_t pid, uint64_t start_time);
void proto_send_caller(struct proto *proto, pid_t pid);
#define PROTO_FAILED_MAX (sizeof(struct failure) + 8)
/* The same frame for a file; its size. */
size_t proto_failed_frame(uint8_t frame[PROTO_FAILED_MAX], const struct failure *failure);
void proto_send_failed(struct proto *proto, const struct failure *failure);
void proto_send_exited(struct proto *proto, int status);
void proto_send_warning(struct proto *proto, const char *text);
