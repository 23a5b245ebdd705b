/* SPDX-License-Identifier: MIT
 *
 * The header up to the first LF, then the body. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *const feed = size > 0 ? memchr(data, '\n', size) : NULL;
    const size_t length = feed != NULL ? (size_t)(feed - data) : size;
    const size_t body = feed != NULL ? length + 1 : size;
    const struct bytes parts[] = {{data, length}, {data + body, size - body}};
    fuzz_message("array", parts, 2);
    fuzz_join("array", parts, 2);
    return 0;
}
