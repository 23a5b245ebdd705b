/* SPDX-License-Identifier: MIT
 *
 * A header of the reliable feed, then its payload: what is accepted is written back as
 * it came, and its payload holds what the header says. */
#include "fuzz.h"
#include "reliable.h"

static void check_header(const uint8_t *data, const struct reliable *header)
{
    unsigned char back[RELIABLE_SIZE];
    FUZZ_CHECK(reliable_type_name(header->type) != NULL);
    FUZZ_CHECK(header->type == RELIABLE_ERR ||
               reliable_source_is_valid(header->source, strlen(header->source)));
    reliable_encode(header, back);
    FUZZ_CHECK(memcmp(back, data, sizeof(back)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t n = size < RELIABLE_SIZE ? size : RELIABLE_SIZE;
    const struct bytes payload = {data + n, size - n};
    const char *why;
    struct reliable header;
    if (reliable_decode((struct bytes){data, n}, &header) == RELIABLE_CODE_OK) {
        check_header(data, &header);
    }
    for (size_t columns = 1; columns <= 3; columns++) {
        if (reliable_check_payload(&header, payload, columns, &why) == RELIABLE_CODE_OK) {
            FUZZ_CHECK(header.count >= 1 && header.columns == columns);
            FUZZ_CHECK(payload.size == 8 * columns * header.count);
        }
    }
    return 0;
}
