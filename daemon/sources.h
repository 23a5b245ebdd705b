/* SPDX-License-Identifier: MIT
 *
 * The numbering of plain feeds: an array header may name its source and the number of
 * its first point, and gaps in those numbers are points that were lost on the way. */
#ifndef SOURCES_H
#define SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"

/* Sources that are followed; the gaps of further ones are not counted. */
#define SOURCES_MAX 1024

struct sources;
struct sources *sources_new(void);
void sources_destroy(struct sources **sources);

/* n points of a source arrived, the first one numbered seq. Returns how many were
 * skipped before it. A number below the expected one is a source that began anew: it
 * only moves the mark. */
uint64_t sources_follow(struct sources *sources, const char *name, uint64_t seq,
                        uint64_t n);

/* For the durable state: all marks; false: not what was packed. */
void sources_pack(const struct sources *sources, struct pack *pack);
bool sources_unpack(struct sources *sources, struct unpack *unpack);

#endif
