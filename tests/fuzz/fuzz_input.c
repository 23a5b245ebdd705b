/* SPDX-License-Identifier: MIT
 *
 * Files of points. The first byte chooses format and options, the rest is the file. */
#include "autoconf.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "input.h"

static void read_all(const char *path, const struct input_options *options)
{
    char error[512] = "";
    int code = 0;
    struct batch batch;
    struct input *input = input_open(path, options, error, sizeof(error), &code);
    FUZZ_CHECK((input == NULL) == (error[0] != '\0' && code != 0));
    while (input != NULL && input_next(input, &batch)) {
        fuzz_check_batch(input_layout(input), &batch);
        FUZZ_CHECK(batch.n_rejected <= 1);
        FUZZ_CHECK(batch.n_rejected == 0 || batch.reason[batch.n - 1] != REASON_NONE);
    }
    input_close(&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formats[] = {"csv", "ndjson", "npy", "f64", "f32"};
    if (size == 0) {
        return 0;
    }
    const unsigned choice = data[0];
    const struct input_options options = {
        .format = formats[choice % 5],
        .columns = choice % 5 > 2 || (choice & 16) != 0 ? "a,b" : NULL,
        .time = (choice & 32) != 0 ? "0" : NULL,
        .rate_of = (choice & 64) != 0 ? "1" : NULL,
        .log = (choice & 128) != 0 ? "1" : NULL,
        .marginalize = (choice & 8) != 0,
    };
    char path[64];
    const int descriptor = memfd_create("fuzz", 0);
    FUZZ_CHECK(descriptor != -1);
    FUZZ_CHECK(write(descriptor, data + 1, size - 1) == (ssize_t)size - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    read_all(path, &options);
    close(descriptor);
    return 0;
}
