/* SPDX-License-Identifier: MIT
 *
 * The header up to the first LF, then the body; and the same message again and again
 * into one batch, where all columns are fields. */
#include "fuzz.h"

static void join(const struct bytes *parts)
{
    static const char *const fields[] = {"a", "b", "c", "d", "e", "f"};
    struct layout *layout = layout_new(fields, 6, fields, 6, NULL, NULL, NULL, NULL);
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
        FUZZ_CHECK(memcmp(batch.x + before * 6, batch.x,
                          (batch.n - before) * 6 * sizeof(double)) == 0);
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
    fuzz_message("array", parts, 2);
    join(parts);
    return 0;
}
