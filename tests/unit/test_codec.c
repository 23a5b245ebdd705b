/* SPDX-License-Identifier: MIT */
#include "codec.h"

#include "mixture.h"

START_TEST(numbers_come_back_bit_for_bit)
{
    const double doubles[] = {0.0, -0.0, 1.0 / 3, 5e-324, HUGE_VAL, (double)NAN};
    const uint64_t integers[] = {0, 1, UINT64_C(0x0123456789abcdef), UINT64_MAX};
    unsigned char bytes[256];
    struct codec out = {.mode = CODEC_WRITE, .out = bytes},
                 size = {.mode = CODEC_MEASURE};
    double d[COUNT(doubles)];
    uint64_t u[COUNT(integers)];
    bool yes = true, no = false;
    memcpy(d, doubles, sizeof(d));
    memcpy(u, integers, sizeof(u));
    struct codec *both[] = {&out, &size};
    for (size_t i = 0; i < 2; i++) {
        codec_f64s(both[i], d, COUNT(d));
        codec_bool(both[i], &yes);
        codec_u64s(both[i], u, COUNT(u));
        codec_bool(both[i], &no);
    }
    ck_assert_uint_eq(size.at, out.at);
    struct codec in = {.mode = CODEC_READ, .in = bytes, .size = out.at};
    memset(d, 1, sizeof(d));
    memset(u, 1, sizeof(u));
    yes = false;
    no = true;
    codec_f64s(&in, d, COUNT(d));
    codec_bool(&in, &yes);
    codec_u64s(&in, u, COUNT(u));
    codec_bool(&in, &no);
    ck_assert(!in.has_failed && in.at == in.size);
    ck_assert(memcmp(d, doubles, sizeof(d)) == 0);
    ck_assert(memcmp(u, integers, sizeof(u)) == 0);
    ck_assert(yes && !no);
}
END_TEST

START_TEST(bytes_are_little_endian)
{
    unsigned char bytes[8];
    const unsigned char expected[8] = {8, 7, 6, 5, 4, 3, 2, 1};
    struct codec out = {.mode = CODEC_WRITE, .out = bytes};
    uint64_t value = UINT64_C(0x0102030405060708);
    codec_u64(&out, &value);
    ck_assert(memcmp(bytes, expected, 8) == 0);
}
END_TEST

START_TEST(reading_past_the_end_fails_and_gives_zero)
{
    const unsigned char bytes[12] = {1, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9};
    struct codec in = {.mode = CODEC_READ, .in = bytes, .size = 12};
    uint64_t value = 5;
    codec_u64(&in, &value);
    ck_assert(!in.has_failed);
    codec_u64(&in, &value);
    ck_assert(in.has_failed && value == 0 && in.at == 8);
    bool flag = true;
    codec_bool(&in, &flag); /* there is a byte left, but it is not to be trusted */
    ck_assert(in.has_failed && !flag);
}
END_TEST

START_TEST(a_flag_is_zero_or_one)
{
    const unsigned char bytes[1] = {2};
    struct codec in = {.mode = CODEC_READ, .in = bytes, .size = 1};
    bool flag;
    codec_bool(&in, &flag);
    ck_assert(in.has_failed);
}
END_TEST

/* The check value of CRC-64/XZ. */
START_TEST(the_checksum_is_crc_64)
{
    ck_assert_uint_eq(codec_checksum("123456789", 9), UINT64_C(0x995dc9bbdf1939fa));
    ck_assert_uint_eq(codec_checksum("", 0), 0);
}
END_TEST

static uint64_t bit_by_bit(const unsigned char *bytes, size_t size)
{
    uint64_t crc = UINT64_MAX;
    for (size_t i = 0; i < 8 * size; i++) {
        crc ^= (bytes[i / 8] >> (i % 8)) & 1;
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT64_C(0xc96c5795d7870f42) : 0);
    }
    return ~crc;
}

/* Lengths of whole words and not, at any alignment. */
START_TEST(the_checksum_is_that_of_single_bits)
{
    unsigned char bytes[700];
    const uint64_t seed = unit_seed(3);
    uint64_t random = seed;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)unit_random(&random);
    }
    for (size_t size = 0; size + 7 < sizeof(bytes); size++) {
        const unsigned char *at = bytes + size % 7;
        ck_assert_msg(codec_checksum(at, size) == bit_by_bit(at, size),
                      "%zu of seed %llu", size, (unsigned long long)seed);
    }
}
END_TEST

/* Rows come back with what they carried, whichever of weights and times there are. */
START_TEST(points_come_back_with_weights_and_times)
{
    enum { D = 3, N = 600 };
    const double weights[N] = {[0 ... N - 1] = 2.5}, times[N] = {[7] = 1e9};
    struct sample s = sample_new(N, D);
    for (size_t i = 0; i < N * D; i++) {
        s.x[i] = i % 11 == 0 ? (double)NAN : (double)i;
    }
    struct mix_rows rows = sample_rows(&s);
    rows.weight = (_i & 1) != 0 ? weights : NULL;
    rows.time = (_i & 2) != 0 ? times : NULL;
    struct points *points = points_new(D, N), *copy = points_new(D, N);
    points_append(points, &rows, 0, N);
    struct codec measure = {.mode = CODEC_MEASURE};
    codec_points(&measure, points);
    unsigned char *bytes = malloc(measure.at);
    struct codec out = {.mode = CODEC_WRITE, .out = bytes};
    codec_points(&out, points);
    ck_assert_uint_eq(out.at, measure.at);
    struct codec in = {.mode = CODEC_READ, .in = bytes, .size = out.at};
    codec_points(&in, copy);
    ck_assert(!in.has_failed && in.at == in.size);
    ck_assert_uint_eq(points_count(copy), N);
    for (size_t i = 0; i < N; i++) {
        double a[D], b[D], weight_a, weight_b, time_a, time_b;
        points_get(points, i, a, &weight_a, &time_a);
        points_get(copy, i, b, &weight_b, &time_b);
        ck_assert(memcmp(a, b, sizeof(a)) == 0);
        ck_assert(weight_a == weight_b && time_a == time_b);
    }
    points_destroy(&points);
    points_destroy(&copy);
    free(bytes);
    free(s.x);
}
END_TEST

START_TEST(more_points_than_there_is_room_for_are_refused)
{
    struct sample s = sample_new(10, 1);
    struct points *points = sample_points(&s), *small = points_new(1, 9);
    unsigned char bytes[200];
    struct codec out = {.mode = CODEC_WRITE, .out = bytes};
    codec_points(&out, points);
    struct codec in = {.mode = CODEC_READ, .in = bytes, .size = out.at};
    codec_points(&in, small);
    ck_assert(in.has_failed);
    points_destroy(&points);
    points_destroy(&small);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(numbers_come_back_bit_for_bit),
        UNIT(bytes_are_little_endian),
        UNIT(reading_past_the_end_fails_and_gives_zero),
        UNIT(a_flag_is_zero_or_one),
        UNIT(the_checksum_is_crc_64),
        UNIT(the_checksum_is_that_of_single_bits),
        {points_come_back_with_weights_and_times, 4},
        UNIT(more_points_than_there_is_room_for_are_refused),
    };
    return unit_run("codec", tests, COUNT(tests));
}
