/* SPDX-License-Identifier: MIT
 *
 * Numbers against strtod, which takes more than JSON does, but reads what JSON takes to
 * the same bits; and back through the text that is written for them. */
#include "fuzz.h"
#include "number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1);
    double value;
    memcpy(text, data, size);
    text[size] = '\0';
    const char *const end = number_read(text, text + size, &value);
    if (end != NULL) {
        text[end - text] = '\0';
        const double wanted = strtod(text, NULL);
        FUZZ_CHECK(memcmp(&value, &wanted, sizeof(value)) == 0);
    }
    if (end != NULL && isfinite(value)) {
        char written[NUMBER_SIZE];
        double back;
        const size_t length = number_write(written, value);
        FUZZ_CHECK(number_read(written, written + length, &back) == written + length);
        FUZZ_CHECK(memcmp(&value, &back, sizeof(value)) == 0);
    }
    free(text);
    return 0;
}
