/* SPDX-License-Identifier: MIT */
#include "codec.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "mix.h"
#include "rows.h"

/* Passes n <= 8 bytes of a number, least significant first. */
static uint64_t pass(struct codec *codec, uint64_t value, size_t n)
{
    if (codec->mode == CODEC_WRITE) {
        const uint64_t little = htole64(value);
        memcpy(codec->out + codec->at, &little, n);
    } else if (codec->mode == CODEC_READ) {
        uint64_t little = 0;
        if (codec->has_failed || n > codec->size - codec->at) {
            codec->has_failed = true;
            return 0;
        }
        memcpy(&little, codec->in + codec->at, n);
        value = le64toh(little);
    }
    codec->at += n;
    return value;
}

void codec_u64(struct codec *codec, uint64_t *value)
{
    *value = pass(codec, *value, 8);
}

void codec_bool(struct codec *codec, bool *value)
{
    /* What a reader has there need not be a bool yet. */
    const uint64_t byte = pass(codec, codec->mode != CODEC_READ && *value ? 1 : 0, 1);
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

/* Bytes that a step of the checksum takes. */
#define CRC_STEP 8

/* table[0]: remainders of the values of a byte, polynomial 0x42f0e1eba9ea3693 reflected;
 * table[j]: of the same byte with j zero bytes after it. */
static void make_remainders(uint64_t table[CRC_STEP][256])
{
    const uint64_t polynomial = UINT64_C(0xc96c5795d7870f42);
    table[0][0] = 0;
    table[0][128] = polynomial;
    for (uint64_t v = 64; v > 0; v /= 2) { /* a bit further: the value of the next one */
        const uint64_t r = table[0][2 * v];
        table[0][v] = (r >> 1) ^ ((r & 1) != 0 ? polynomial : 0);
    }
    for (uint64_t v = 2; v < 256; v *= 2) { /* it is linear */
        for (uint64_t w = 1; w < v; w++) {
            table[0][v + w] = table[0][v] ^ table[0][w];
        }
    }
    for (size_t j = 1; j < CRC_STEP; j++) {
        for (size_t v = 0; v < 256; v++) {
            const uint64_t r = table[j - 1][v];
            table[j][v] = (r >> 8) ^ table[0][r & 255];
        }
    }
}

/* Eight bytes a step (M. E. Kounavis and F. L. Berry, A systematic approach to building
 * high performance software-based CRC generators, ISCC 2005): a state of D = K = 8 is
 * hundreds of pages, each with a checksum, and their stream waits. */
uint64_t codec_checksum(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t table[CRC_STEP][256];
    uint64_t crc = UINT64_MAX;
    make_remainders(table);
    for (; size >= CRC_STEP; size -= CRC_STEP, p += CRC_STEP) {
        uint64_t word, next = 0;
        memcpy(&word, p, sizeof(word));
        word = crc ^ le64toh(word);
        for (size_t j = 0; j < CRC_STEP; j++) {
            next ^= table[CRC_STEP - 1 - j][(word >> (8 * j)) & 255];
        }
        crc = next;
    }
    for (; size > 0; size--, p++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 255];
    }
    return ~crc;
}
