/* SPDX-License-Identifier: MIT
 *
 * Array headers alone, over a body that fits one row of float64. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double row[6] = {1, 2, 3, 4, 5, 6};
    const struct bytes parts[] = {{data, size}, {row, sizeof(row)}};
    fuzz_message("array", parts, 2);
    return 0;
}
