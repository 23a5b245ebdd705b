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

/* All sums of some of the values after x: a remainder is linear in the bits. */
#define SPAN1(x, a) (x), (x) ^ (a)
#define SPAN2(x, a, b) SPAN1(x, a), SPAN1((x) ^ (b), a)
#define SPAN4(x, a, b, c, d)                                                             \
    SPAN2(x, a, b), SPAN2((x) ^ (c), a, b), SPAN2((x) ^ (d), a, b),                      \
        SPAN2((x) ^ (c) ^ (d), a, b)
#define SPAN6(x, a, b, c, d, e, f)                                                       \
    SPAN4(x, a, b, c, d), SPAN4((x) ^ (e), a, b, c, d), SPAN4((x) ^ (f), a, b, c, d),    \
        SPAN4((x) ^ (e) ^ (f), a, b, c, d)
#define SPAN8(x, a, b, c, d, e, f, g, h)                                                 \
    SPAN6(x, a, b, c, d, e, f), SPAN6((x) ^ (g), a, b, c, d, e, f),                      \
        SPAN6((x) ^ (h), a, b, c, d, e, f), SPAN6((x) ^ (g) ^ (h), a, b, c, d, e, f)

/* slice[j][v]: remainder of byte v with j zero bytes after it, polynomial
 * 0x42f0e1eba9ea3693 reflected, spanned by those of the eight bits.
 * tests/unit/test_codec.c derives the same sums bit by bit. */
/* clang-format off */
static const uint64_t slice[CRC_STEP][256] = {
    {SPAN8(UINT64_C(0), 0xb32e4cbe03a75f6f, 0xf4843657a840a05b, 0x7bd0c384ff8f5e33,
           0xf7a18709ff1ebc66, 0x7d9ba13851336649, 0xfb374270a266cc92,
           0x64b62bcaebc387a1, 0xc96c5795d7870f42)},
    {SPAN8(UINT64_C(0), 0x54e979925cd0f10d, 0xa9d2f324b9a1e21a, 0xc17d4962dc4ddab1,
           0x10223dee1795abe7, 0x20447bdc2f2b57ce, 0x4088f7b85e56af9c,
           0x8111ef70bcad5f38, 0x90fb71cad654a0f5)},
    {SPAN8(UINT64_C(0), 0x3f0be14a916a6dcb, 0x7e17c29522d4db96, 0xfc2f852a45a9b72c,
           0x6a87a57f245d70dd, 0xd50f4afe48bae1ba, 0x38c63ad73e7bddf1,
           0x718c75ae7cf7bbe2, 0xe318eb5cf9ef77c4)},
    {SPAN8(UINT64_C(0), 0x1dee8a5e222ca1dc, 0x3bdd14bc445943b8, 0x77ba297888b28770,
           0xef7452f111650ee0, 0x4c300ac98dc40345, 0x986015931b88068a,
           0xa218840d981e1391, 0xd6e9a7309f3239a7)},
    {SPAN8(UINT64_C(0), 0x5c2d776033c4205e, 0xb85aeec0678840bc, 0xe26d72ab601e9ffd,
           0x56024a7d6f33217f, 0xac0494fade6642fe, 0xcad186de13c29b79,
           0x077ba297888b2877, 0x0ef7452f111650ee)},
    {SPAN8(UINT64_C(0), 0x6184d55f721267c6, 0xc309aabee424cf8c, 0x14cbfa566747819d,
           0x2997f4acce8f033a, 0x532fe9599d1e0674, 0xa65fd2b33a3c0ce8,
           0xde670a4ddb760755, 0x2e16bbb019e2102f)},
    {SPAN8(UINT64_C(0), 0x22ef0d5934f964ec, 0x45de1ab269f2c9d8, 0x8bbc3564d3e593b0,
           0x85a0c5e208c539e5, 0x999924efbe846d4f, 0xa1eae6f4d206c41b,
           0xd10d62c20b0396b3, 0x30c26aafb90933e3)},
    {SPAN8(UINT64_C(0), 0xdabe95afc7875f40, 0x27a584742000a005, 0x4f4b08e84001400a,
           0x9e9611d080028014, 0xaff48c8aaf0b1ead, 0xcd31b63ef11823df,
           0x08bbc3564d3e593b, 0x117786ac9a7cb276)},
};
/* clang-format on */

/* Eight bytes a step (M. E. Kounavis and F. L. Berry, A systematic approach to building
 * high performance software-based CRC generators, ISCC 2005): a state of D = K = 8 is
 * hundreds of pages, each with a checksum, and their stream waits. */
uint64_t codec_checksum(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t crc = UINT64_MAX;
    for (; size >= CRC_STEP; size -= CRC_STEP, p += CRC_STEP) {
        uint64_t word, next = 0;
        memcpy(&word, p, sizeof(word));
        word = crc ^ le64toh(word);
        for (size_t j = 0; j < CRC_STEP; j++) {
            next ^= slice[CRC_STEP - 1 - j][(word >> (8 * j)) & 255];
        }
        crc = next;
    }
    for (; size > 0; size--, p++) {
        crc = (crc >> 8) ^ slice[0][(crc ^ *p) & 255];
    }
    return ~crc;
}
