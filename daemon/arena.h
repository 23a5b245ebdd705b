/* SPDX-License-Identifier: MIT
 *
 * Memory of many small values that live and die together. It comes in large pieces that
 * go back to the system, so that the copies of a checkpoint leave no holes in a heap. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

struct arena {
    struct arena_piece *piece; /* the one in use, then the full ones */
};

/* Zeroed, aligned for any number; never NULL. */
void *arena_take(struct arena *arena, size_t size);
/* Gives all of it back. */
void arena_clear(struct arena *arena);

#endif
