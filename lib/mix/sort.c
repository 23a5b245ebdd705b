/* SPDX-License-Identifier: MIT */
#include "sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BITS 11
#define DIGITS 6 /* 64 bits */
#define BUCKETS (1 << BITS)
/* The counts of fewer values would cost more than comparisons. */
#define RADIX_MIN 256

static int compare(const void *a, const void *b)
{
    const double x = ((const struct weighted *)a)->value;
    const double y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

/* Keys that are in the order of the values, -0 as 0. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof(bits));
    return (bits >> 63) != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static size_t digit_of(double value, size_t d)
{
    return key_of(value) >> (BITS * d) & (BUCKETS - 1);
}

static void count_digits(const struct weighted *values, size_t n,
                         uint32_t counts[DIGITS][BUCKETS])
{
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < DIGITS; d++) {
            counts[d][digit_of(values[i].value, d)]++;
        }
    }
}

/* Counts become the places where the buckets begin. False: all are in one. */
static bool place_buckets(uint32_t *counts, size_t n)
{
    uint32_t at = 0;
    bool is_spread = true;
    for (size_t b = 0; b < BUCKETS; b++) {
        const uint32_t count = counts[b];
        is_spread = is_spread && count < n;
        counts[b] = at;
        at += count;
    }
    return is_spread;
}

static void deal(const struct weighted *from, size_t n, size_t d, uint32_t *places,
                 struct weighted *to)
{
    for (size_t i = 0; i < n; i++) {
        to[places[digit_of(from[i].value, d)]++] = from[i];
    }
}

void sort_values(struct weighted *values, size_t n, struct weighted *scratch)
{
    uint32_t counts[DIGITS][BUCKETS];
    struct weighted *from = values, *to = scratch;
    if (n < RADIX_MIN || n > UINT32_MAX) {
        qsort(values, n, sizeof(*values), compare);
        return;
    }
    memset(counts, 0, sizeof(counts));
    count_digits(values, n, counts);
    for (size_t d = 0; d < DIGITS; d++) {
        if (place_buckets(counts[d], n)) {
            deal(from, n, d, counts[d], to);
            struct weighted *t = from;
            from = to;
            to = t;
        }
    }
    if (from != values) {
        memcpy(values, from, n * sizeof(*values));
    }
}
