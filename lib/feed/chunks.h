/* SPDX-License-Identifier: MIT
 *
 * The backlog in memory. */
#ifndef CHUNKS_H
#define CHUNKS_H

#include "backlog.h"

/* NULL without memory or, for the incarnation, randomness. */
struct backlog *chunks_new(size_t columns);

#endif
