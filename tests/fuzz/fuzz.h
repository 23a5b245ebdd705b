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
    FUZZ_CHECK(n_rejected == batch->n_rejected);
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

#endif
