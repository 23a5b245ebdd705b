/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#include "xalloc.h"

/* Above the size from which on malloc() maps pages of their own, see mixd.c. */
enum { PIECE_BYTES = 256 << 10 };

struct arena_piece {
    struct arena_piece *next;
    size_t used, room; /* bytes */
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_piece *add_piece(struct arena *arena, size_t size)
{
    const size_t room = size > PIECE_BYTES ? size : PIECE_BYTES;
    struct arena_piece *piece = xalloc(1, sizeof(*piece) + room);
    piece->room = room;
    piece->next = arena->piece;
    arena->piece = piece;
    return piece;
}

void *arena_take(struct arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    const size_t wanted = (size + unit - 1) / unit * unit;
    struct arena_piece *piece = arena->piece;
    if (piece == NULL || piece->room - piece->used < wanted) {
        piece = add_piece(arena, wanted);
    }
    unsigned char *at = piece->bytes + piece->used;
    piece->used += wanted;
    return at;
}

void arena_clear(struct arena *arena)
{
    while (arena->piece != NULL) {
        struct arena_piece *next = arena->piece->next;
        free(arena->piece);
        arena->piece = next;
    }
}
