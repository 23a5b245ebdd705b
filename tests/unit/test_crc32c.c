/* SPDX-License-Identifier: MIT
 *
 * CRC-32C: the vectors of RFC 3720, and all lengths and places against bits. */
#include "crc32c.h"

#include <string.h>

#include "unit.h"

enum { SIZE = 2000 /* several times what is summed up at once */ };

/* The definition, one bit at a time. */
static uint32_t bitwise(const unsigned char *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

START_TEST(vectors_of_the_standard)
{
    unsigned char bytes[32];
    ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283);
    ck_assert_uint_eq(crc32c(NULL, 0), 0);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)i;
    }
    ck_assert_uint_eq(crc32c(bytes, sizeof(bytes)), 0x46dd794e);
}
END_TEST

START_TEST(any_length_from_any_place_is_the_sum_of_its_bits)
{
    const uint64_t seed = unit_seed(1);
    uint64_t random = seed;
    unsigned char bytes[SIZE + 8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)unit_random(&random);
    }
    for (size_t begin = 0; begin < 8; begin++) {
        for (size_t size = 0; size <= SIZE; size += size < 200 ? 1 : 37) {
            ck_assert_uint_eq(crc32c_portable(bytes + begin, size),
                              crc32c(bytes + begin, size));
            ck_assert_msg(crc32c(bytes + begin, size) == bitwise(bytes + begin, size),
                          "%zu bytes from %zu, seed %llu", size, begin,
                          (unsigned long long)seed);
        }
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(vectors_of_the_standard),
        UNIT(any_length_from_any_place_is_the_sum_of_its_bits),
    };
    return unit_run("crc32c", tests, COUNT(tests));
}
