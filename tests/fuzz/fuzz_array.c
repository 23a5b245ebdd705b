/* SPDX-License-Identifier: MIT
 *
 * The header up to the first LF, then the body; and the same message again and again
 * into one batch. */
#include "fuzz.h"

/* The layout is given away. */
static void join(const struct bytes *parts, struct layout *layout)
{
    const size_t row_size = layout->n_fields * sizeof(double);
    struct reader *reader = reader_new(layout);
    struct batch batch;
    reader_open(reader, format_find("array"), parts, 2);
    FUZZ_CHECK(reader_next(reader, &batch));
    const size_t first = batch.n;
    bool has_joined = true;
    while (has_joined && reader_is_open(reader)) {
        const size_t before = batch.n;
        has_joined = reader_join(reader, format_find("array"), parts, 2, &batch);
        FUZZ_CHECK(batch.n == before + (has_joined ? first : 0));
        FUZZ_CHECK(has_joined || batch.n + first > READER_BATCH);
        fuzz_check_batch(layout, &batch);
        FUZZ_CHECK(memcmp(batch.x + before * layout->n_fields, batch.x,
                          (batch.n - before) * row_size) == 0);
        FUZZ_CHECK(!has_joined || batch.n_rejected == 0);
    }
    reader_destroy(&reader);
    layout_destroy(&layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *const feed = size > 0 ? memchr(data, '\n', size) : NULL;
    const size_t length = feed != NULL ? (size_t)(feed - data) : size;
    const size_t body = feed != NULL ? length + 1 : size;
    const struct bytes parts[] = {{data, length}, {data + body, size - body}};
    static const char *const columns[] = {"t", "a", "b", "-", "w", "k"};
    static const char *const fields[] = {"a", "b"};
    fuzz_message("array", parts, 2);
    join(parts, layout_new(columns, 6, fields, 2, "t", "w", "k", NULL));
    join(parts, layout_new(columns + 1, 2, fields, 2, NULL, NULL, NULL, NULL));
    return 0;
}
