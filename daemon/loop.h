/* SPDX-License-Identifier: MIT
 *
 * The loop of the main thread: signals as a readable descriptor, the control socket,
 * subscriptions, posts of the workers, timers. Every handler does bounded work. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;

/* Blocks the signals that the loop reads, before the first thread starts, and ignores
 * those that are errors of a write. */
void loop_block_signals(void);

/* Makes the loop; then sources are added as the stages start. */
bool loop_open(struct daemon *daemon);
void loop_close(struct daemon *daemon);
void loop_add_publisher(struct daemon *daemon);
void loop_add_control(struct daemon *daemon);
void loop_add_workers(struct daemon *daemon);
void loop_add_watchdog(struct daemon *daemon);

/* The loop ends with an error when stopping takes longer than this many ms. */
void loop_set_deadline(struct daemon *daemon, size_t delay_ms);

/* Runs until a handler ends it. */
void loop_run(struct daemon *daemon);

#endif
