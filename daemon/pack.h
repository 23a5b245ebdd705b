/* SPDX-License-Identifier: MIT
 *
 * Numbers and bytes one after the other in a value of the durable state, little-endian.
 * Reading never goes past the end: once something is missing, everything reads as zero
 * and `is_short` is set. */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h" /* struct bytes */

struct pack {
    unsigned char *bytes; /* owned (malloc) by whoever takes it */
    size_t size, room;
};

void pack_u64(struct pack *pack, uint64_t value);
void pack_f64(struct pack *pack, double value);
/* With their number before them. */
void pack_bytes(struct pack *pack, const void *bytes, size_t size);
void pack_text(struct pack *pack, const char *text);
/* Room for a number of bytes, with it before them, to be filled in at once. */
void *pack_space(struct pack *pack, size_t size);

struct unpack {
    const unsigned char *at;
    size_t left;
    bool is_short;
};

uint64_t unpack_u64(struct unpack *unpack);
double unpack_f64(struct unpack *unpack);
/* A view; {NULL, 0} when they are not there. */
struct bytes unpack_bytes(struct unpack *unpack);
/* True if everything was there and nothing is left. */
bool unpack_is_done(const struct unpack *unpack);

#endif
