/* SPDX-License-Identifier: MIT
 *
 * Not by aligned_alloc(): until glibc 2.38 it hardly ever takes again what was given back
 * of the same size, and what comes and goes beside the learners of 10,000 keys left a
 * hole of 40 KB behind each of them. So a line more is taken, and what is to be given
 * back stands in front, for which there is room: malloc() begins at 16 bytes. */
#include "lines.h"

#include <stdint.h>
#include <stdlib.h>

void *lines_new(size_t bytes)
{
    unsigned char *block =
        bytes <= SIZE_MAX - CACHE_LINE ? calloc(1, bytes + CACHE_LINE) : NULL;
    if (block == NULL) {
        return NULL;
    }
    void **lines = (void **)(block + CACHE_LINE - (uintptr_t)block % CACHE_LINE);
    lines[-1] = block;
    return lines;
}

void lines_free(void *lines)
{
    if (lines != NULL) {
        free(((void **)lines)[-1]);
    }
}
