/* SPDX-License-Identifier: MIT
 *
 * Memory that begins at a cache line. */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

/* Bytes that come from memory together, and of the widest vectors. */
#define CACHE_LINE 64

/* All 0; to be given back by lines_free(), which accepts NULL. NULL without memory. */
void *lines_new(size_t bytes);
void lines_free(void *lines);

#endif
