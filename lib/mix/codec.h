/* SPDX-License-Identifier: MIT
 *
 * One description of a state serves three uses: to measure, to write and to read it.
 * A function that walks a state calls codec_* for each member in order; the codec
 * counts, stores or loads. Numbers are little-endian, doubles their IEEE bits, so the
 * bytes are the same on every machine and a value survives bit for bit. Reading past
 * the end, or a count past its limit, marks the codec as failed; everything read after
 * that is 0.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "points.h"

enum codec_mode { CODEC_MEASURE, CODEC_WRITE, CODEC_READ };

struct codec {
    enum codec_mode mode;
    unsigned char *out;      /* CODEC_WRITE */
    const unsigned char *in; /* CODEC_READ */
    size_t size;             /* bytes there are to read */
    size_t at;               /* bytes passed so far */
    uint64_t version;        /* CODEC_READ: of the format */
    bool has_failed;
};

void codec_u64(struct codec *codec, uint64_t *value);
void codec_bool(struct codec *codec, bool *value); /* one byte, 0 or 1 */
void codec_f64(struct codec *codec, double *value);
void codec_f64s(struct codec *codec, double *values, size_t n);
void codec_u64s(struct codec *codec, uint64_t *values, size_t n);
/* The rows with weight and time; weights and times are left out where all are alike. */
void codec_points(struct codec *codec, struct points *points);
/* As many as n of them from `first` on, in the same form; read, they are appended. */
void codec_some_points(struct codec *codec, struct points *points, size_t first,
                       size_t n);

/* CRC-64 (ECMA-182, reflected): finds every burst of up to 64 damaged bits. */
uint64_t codec_checksum(const void *bytes, size_t size);

#endif
