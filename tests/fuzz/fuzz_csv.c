/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes part = {data, size};
    fuzz_message("csv", &part, 1);
    fuzz_join("csv", &part, 1);
    return 0;
}
