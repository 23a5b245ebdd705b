/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput(), which
 * takes any bytes and aborts if a promise of the code under test is broken; with
 * libFuzzer
 * (`make fuzz`) it gets inputs by the million, in `make check` those of its corpus. */
#ifndef FUZZ_H
#define FUZZ_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise. Never compiled out. */
#define FUZZ_CHECK(condition)                                                            \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                                     \
        }                                                                                \
    } while (0)

/* What a consumer may rely on in a batch. */
static inline void fuzz_check_batch(const struct layout *layout,
                                    const struct batch *batch)
{
    size_t n_rejected = 0;
    FUZZ_CHECK(batch->n >= 1 && batch->n <= READER_BATCH);
    for (size_t i = 0; i < batch->n; i++) {
        FUZZ_CHECK(batch->reason[i] < REASON_COUNT);
        if (batch->reason[i] != REASON_NONE) {
            FUZZ_CHECK(batch->origin[i].data != NULL);
            n_rejected++;
            continue;
        }
        size_t n_missing = 0;
        for (size_t d = 0; d < layout->n_fields; d++) {
            const double x = batch->x[i * batch->stride + d];
            n_missing += isnan(x) ? 1 : 0;
            FUZZ_CHECK(isnan(x) ? layout->marginalize : fabs(x) <= 1e150);
        }
        FUZZ_CHECK(n_missing < layout->n_fields);
        FUZZ_CHECK(batch->time == NULL || isfinite(batch->time[i]));
        FUZZ_CHECK(batch->weight == NULL ||
                   (batch->weight[i] >= 0.0 && batch->weight[i] <= 1e150));
        FUZZ_CHECK(batch->key == NULL ||
                   (batch->key[i].size >= 1 && batch->key[i].size <= 255));
    }
    FUZZ_CHECK(n_rejected == batch->n_rejected && n_rejected <= 1);
    FUZZ_CHECK(n_rejected == 0 || batch->reason[batch->n - 1] != REASON_NONE);
    FUZZ_CHECK((batch->detail != NULL) == (n_rejected > 0));
}

/* Reads a message of this format; every message is at least one point. */
static inline void fuzz_message(const char *format, const struct bytes *parts,
                                size_t n_parts)
{
    static const char *const columns[] = {"t", "a", "b", "-", "w", "k"};
    static const char *const fields[] = {"a", "b"};
    struct layout *layout = layout_new(columns, 6, fields, 2, "t", "w", "k", NULL);
    layout->marginalize = parts[0].size % 2 == 1;
    struct reader *reader = reader_new(layout);
    struct batch batch;
    size_t n = 0;
    uint64_t seq;
    reader_open(reader, format_find(format), parts, n_parts);
    FUZZ_CHECK(reader_source(reader, &seq) != NULL || seq == 0);
    while (reader_next(reader, &batch)) {
        fuzz_check_batch(layout, &batch);
        n += batch.n;
    }
    FUZZ_CHECK(n >= 1);
    reader_destroy(&reader);
    layout_destroy(&layout);
}

/* A copy of the parts, to be gone when the batch is still read. */
static inline void fuzz_copy_parts(const struct bytes *parts, size_t n_parts,
                                   struct bytes *copies)
{
    for (size_t i = 0; i < n_parts; i++) {
        void *copy = malloc(parts[i].size + 1);
        if (parts[i].size > 0) {
            memcpy(copy, parts[i].data, parts[i].size);
        }
        copies[i] = (struct bytes){copy, parts[i].size};
    }
}

static inline void fuzz_free_parts(struct bytes *copies, size_t n_parts)
{
    for (size_t i = 0; i < n_parts; i++) {
        free((void *)(uintptr_t)copies[i].data);
    }
}

/* Rows [from, n) of a batch are those from its first row on. */
static inline void fuzz_check_repeats(const struct layout *layout,
                                      const struct batch *batch, size_t from)
{
    const size_t row_size = layout->n_fields * sizeof(double);
    FUZZ_CHECK(memcmp(batch->x + from * layout->n_fields, batch->x,
                      (batch->n - from) * row_size) == 0);
    for (size_t i = from; batch->key != NULL && i < batch->n; i++) {
        const struct bytes one = batch->key[i], other = batch->key[i - from];
        FUZZ_CHECK(one.size == other.size && memcmp(one.data, other.data, one.size) == 0);
    }
}

/* The same message again and again into one batch. The layout is given away. */
static inline void fuzz_join_all(const char *format, const struct bytes *parts,
                                 size_t n_parts, struct layout *layout)
{
    struct bytes copies[2];
    struct reader *reader = reader_new(layout);
    struct batch batch;
    fuzz_copy_parts(parts, n_parts, copies);
    reader_open(reader, format_find(format), copies, n_parts);
    FUZZ_CHECK(reader_next(reader, &batch));
    const size_t first = batch.n;
    bool has_joined = true;
    while (has_joined && reader_is_open(reader)) {
        const size_t before = batch.n;
        fuzz_free_parts(copies, n_parts);
        fuzz_copy_parts(parts, n_parts, copies);
        has_joined = reader_join(reader, format_find(format), copies, n_parts, &batch);
        FUZZ_CHECK(batch.n == before + (has_joined ? first : 0));
        FUZZ_CHECK(has_joined || batch.n + first >= READER_BATCH);
        FUZZ_CHECK(batch.n_rejected == 0);
        memset((void *)(uintptr_t)copies[0].data, 0, copies[0].size);
        fuzz_check_batch(layout, &batch);
        fuzz_check_repeats(layout, &batch, has_joined ? before : 0);
    }
    fuzz_free_parts(copies, n_parts);
    reader_destroy(&reader);
    layout_destroy(&layout);
}

static inline void fuzz_join(const char *format, const struct bytes *parts,
                             size_t n_parts)
{
    static const char *const columns[] = {"t", "a", "b", "-", "w", "k"};
    static const char *const fields[] = {"a", "b"};
    fuzz_join_all(format, parts, n_parts,
                  layout_new(columns, 6, fields, 2, "t", "w", "k", NULL));
    fuzz_join_all(format, parts, n_parts,
                  layout_new(columns + 1, 2, fields, 2, NULL, NULL, NULL, NULL));
}

#endif
