/*
 * One health check: its process, the plan that it gets, its output, and its time.  Monitor
 * only, for health.c; see health.h.
 */
#pragma once

#include "health.h"

/* The check that is due: the startup check until it has passed. */
const struct health_check *health_current(const struct health *health);

/* Starts its process.  -1: there is none. */
int health_check_begin(struct health *health, int64_t now);

/* Sends, reads, and ends what takes too long. */
void health_check_move(struct health *health, int64_t now);

/* It has had its time, and has not been told to end yet. */
bool health_check_is_late(const struct health *health, int64_t now);

/* Ends it; how it went is not known. */
void health_check_interrupt(struct health *health, int64_t now);

/* The process is gone: health.result is complete. */
void health_check_end(struct health *health);
