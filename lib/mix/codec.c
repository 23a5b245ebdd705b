/* SPDX-License-Identifier: MIT */
#include "codec.h"

#include <math.h>
#include <string.h>

#include "mix.h"
#include "rows.h"

/* Passes n bytes of a number, least significant first. */
static uint64_t pass(struct codec *codec, uint64_t value, size_t n)
{
    uint64_t result = value;
    if (codec->mode == CODEC_READ) {
        result = 0;
        if (codec->has_failed || n > codec->size - codec->at) {
            codec->has_failed = true;
            return 0;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (codec->mode == CODEC_WRITE) {
            codec->out[codec->at + i] = (unsigned char)(value >> (8 * i));
        } else if (codec->mode == CODEC_READ) {
            result |= (uint64_t)codec->in[codec->at + i] << (8 * i);
        }
    }
    codec->at += n;
    return result;
}

void codec_u64(struct codec *codec, uint64_t *value)
{
    *value = pass(codec, *value, 8);
}

void codec_bool(struct codec *codec, bool *value)
{
    const uint64_t byte = pass(codec, *value ? 1 : 0, 1);
    codec->has_failed = codec->has_failed || byte > 1;
    *value = byte == 1;
}

void codec_f64(struct codec *codec, double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof(bits));
    bits = pass(codec, bits, 8);
    memcpy(value, &bits, sizeof(bits));
}

void codec_f64s(struct codec *codec, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        codec_f64(codec, &values[i]);
    }
}

void codec_u64s(struct codec *codec, uint64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        codec_u64(codec, &values[i]);
    }
}

/* Whether points [first, end) carry weights other than 1 or times other than 0. */
static void survey(const struct points *points, size_t first, size_t end,
                   bool *has_weight, bool *has_time)
{
    *has_weight = *has_time = false;
    for (size_t i = first; i < end; i++) {
        const struct block *block = points_block(points, i / BLOCK_POINTS);
        *has_weight = *has_weight || block->weight[i % BLOCK_POINTS] != 1;
        *has_time = *has_time || block->time[i % BLOCK_POINTS] != 0;
    }
}

/* A stored row may have come from anywhere: what no row could be, is damage. */
static bool row_is_possible(const double *x, size_t dimensions, double weight,
                            double time)
{
    for (size_t d = 0; d < dimensions; d++) {
        if (fabs(x[d]) > ROW_VALUE_MAX) { /* NaN is a missing entry */
            return false;
        }
    }
    return weight >= 0 && weight <= ROW_VALUE_MAX && isfinite(time);
}

static void codec_point(struct codec *codec, struct points *points, size_t i,
                        bool has_weight, bool has_time)
{
    const size_t dims = points_dimensions(points);
    double x[MIX_DIMENSIONS_MAX], weight = 1, time = 0;
    if (codec->mode != CODEC_READ) {
        points_get(points, i, x, &weight, &time);
    }
    codec_f64s(codec, x, dims);
    if (has_weight) {
        codec_f64(codec, &weight);
    }
    if (has_time) {
        codec_f64(codec, &time);
    }
    if (codec->mode == CODEC_READ && !codec->has_failed) {
        if (!row_is_possible(x, dims, weight, time)) {
            codec->has_failed = true;
            return;
        }
        const struct mix_rows row = {
            .x = x, .n = 1, .stride = dims, .weight = &weight, .time = &time};
        points_append(points, &row, 0, 1);
    }
}

void codec_some_points(struct codec *codec, struct points *points, size_t first,
                       size_t n)
{
    bool has_weight = false, has_time = false;
    uint64_t count = n;
    if (codec->mode != CODEC_READ) {
        survey(points, first, first + n, &has_weight, &has_time);
    }
    codec_u64(codec, &count);
    codec_bool(codec, &has_weight);
    codec_bool(codec, &has_time);
    if (codec->mode == CODEC_READ) {
        const size_t room = points_capacity(points) - points_count(points);
        codec->has_failed = codec->has_failed || count > n || count > room;
    }
    for (size_t i = first; i < first + count && !codec->has_failed; i++) {
        codec_point(codec, points, i, has_weight, has_time);
    }
}

void codec_points(struct codec *codec, struct points *points)
{
    if (codec->mode == CODEC_READ) {
        points_clear(points);
    }
    codec_some_points(codec, points, 0,
                      codec->mode == CODEC_READ ? points_capacity(points)
                                                : points_count(points));
}

/* Remainders of the 16 values of half a byte, polynomial 0x42f0e1eba9ea3693 reflected
 * (made by shifting each value four times through the polynomial). */
uint64_t codec_checksum(const void *bytes, size_t size)
{
    const uint64_t polynomial = UINT64_C(0xc96c5795d7870f42);
    const unsigned char *p = bytes;
    uint64_t table[16];
    for (uint64_t v = 0; v < 16; v++) {
        uint64_t r = v;
        for (int bit = 0; bit < 4; bit++) {
            r = (r >> 1) ^ ((r & 1) != 0 ? polynomial : 0);
        }
        table[v] = r;
    }
    uint64_t crc = UINT64_MAX;
    for (size_t i = 0; i < size; i++) {
        crc = (crc >> 4) ^ table[(crc ^ p[i]) & 15];
        crc = (crc >> 4) ^ table[(crc ^ (uint64_t)(p[i] >> 4)) & 15];
    }
    return ~crc;
}
