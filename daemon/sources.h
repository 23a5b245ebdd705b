/* SPDX-License-Identifier: MIT
 *
 * The numbering of plain feeds: an array header may name its source and the number of
 * its first point. Numbers that are skipped are points that were lost on the way, until
 * they come after all; numbers that come again are duplicates.
 *
 *     source = sources_find(sources, name);
 *     is_good = source_begin(source, seq, print);         once a message
 *     run = source_look(source, number, n);               what the next points are
 *     lost += source_pass(source, number, n);             some of them were dealt with
 */
#ifndef SOURCES_H
#define SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"

/* Sources that are followed; the numbers of further ones are not looked at. */
#define SOURCES_MAX 1024
/* Gaps of a source that may still be filled; the oldest one gives way and stays lost. */
#define SOURCE_GAPS 16
/* No source loses more numbers at once: a hundred thousand a second for half a day. One
 * that is further ahead is a mistake, which would be in `lost` for ever. */
#define SOURCE_LEAP_MAX ((uint64_t)1 << 32)

struct source;
struct sources;
struct sources *sources_new(void);
void sources_destroy(struct sources **sources);

/* The source of that name, new if need be; NULL: there are too many. It stays where it
 * is. */
struct source *sources_find(struct sources *sources, const char *name);

/* A message comes whose first point is numbered seq. print: a checksum of that point. A
 * message that begins with number 1 again, but with another point, is a source that has
 * begun anew: everything it sends is new. False: the number is more than SOURCE_LEAP_MAX
 * ahead, and nothing is to be made of those of this message. */
bool source_begin(struct source *source, uint64_t seq, uint32_t print);

/* The next of n >= 1 points, the first of them numbered `number`, that are alike. */
struct source_run {
    bool is_repeat; /* they came before */
    uint64_t n;     /* how many of them */
};
struct source_run source_look(const struct source *source, uint64_t number, uint64_t n);

/* n points of such a run were learned, rejected, or counted as duplicates. Returns by how
 * much the number of lost points changed, modulo 2^64: a gap that is filled counts back.
 */
uint64_t source_pass(struct source *source, uint64_t number, uint64_t n);

/* For the durable state: all marks; false: not what was packed. */
void sources_pack(const struct sources *sources, struct pack *pack);
bool sources_unpack(struct sources *sources, struct unpack *unpack);

#endif
