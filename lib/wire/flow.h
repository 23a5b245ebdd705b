/* SPDX-License-Identifier: MIT
 *
 * Bytes of a file or of standard input through one buffer. What has come is given out
 * at once: a line that is typed or piped is not held until the buffer is full. */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h"

/* Bytes of the buffer: several of the longest records. */
#define FLOW_SIZE ((size_t)4 << 16)

struct flow;

/* Opens a file, or standard input for "-". NULL, with errno set. A folder is EISDIR. */
struct flow *flow_open(const char *path);
void flow_close(struct flow **flow);

/* The bytes that are there and not yet taken. Valid until flow_fill(). */
struct bytes flow_bytes(const struct flow *flow);
/* Waits for more bytes. False when none came: at the end, on an error, on a signal, or
 * when the buffer is full. */
bool flow_fill(struct flow *flow);
/* Fills until so many bytes are there; false if they never come. size <= FLOW_SIZE. */
bool flow_want(struct flow *flow, size_t size);
void flow_take(struct flow *flow, size_t size);

/* Nothing comes after flow_bytes(). */
bool flow_at_end(const struct flow *flow);
/* errno of a read that failed, or 0. */
int flow_error(const struct flow *flow);
/* Bytes taken so far, and of the whole file (0: not known). */
uint64_t flow_taken(const struct flow *flow);
uint64_t flow_total(const struct flow *flow);
/* Reads at a place of a file, past the buffer. False for what is not a file. */
bool flow_read_at(const struct flow *flow, uint64_t place, void *to, size_t size);

/* From flow_pin() to flow_rewind() what is taken stays in the buffer, and is there once
 * more afterwards. */
void flow_pin(struct flow *flow);
void flow_rewind(struct flow *flow);

#endif
