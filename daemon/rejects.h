/* SPDX-License-Identifier: MIT
 *
 * The dead letters of one stream: the last points, lines and messages that were
 * rejected, with reason, time and first bytes. */
#ifndef REJECTS_H
#define REJECTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"
#include "reader.h" /* struct bytes */
#include "reason.h"

#define REJECTS_KEPT 128  /* letters a stream */
#define REJECT_BYTES 1024 /* first bytes kept of each */

struct reject {
    enum reason reason;
    double time_s;       /* when, seconds since 1970 */
    uint64_t points;     /* rejected points that the letter stands for, mostly 1 */
    struct bytes origin; /* what was rejected; empty when only numbers are known */
    const char *detail;  /* place and cause; NULL: what the reason means */
};

struct rejects;
struct rejects *rejects_new(void);
void rejects_destroy(struct rejects **rejects);

/* Keeps a copy; the oldest letter gives way. */
void rejects_add(struct rejects *rejects, const struct reject *reject);

/* Letters ever added. */
uint64_t rejects_written(const struct rejects *rejects);

/* For the durable state: all that is kept; false: not what was packed. */
void rejects_pack(const struct rejects *rejects, struct pack *pack);
bool rejects_unpack(struct rejects *rejects, struct unpack *unpack);

/* The letters, oldest first: {"time", "reason", "points", "size", "data", "detail"},
 * with bytes that are not text as \xNN in data. New reference. */
json_t *rejects_json(const struct rejects *rejects);

#endif
