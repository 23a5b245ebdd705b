/* SPDX-License-Identifier: MIT
 *
 * Values of the durable state: what was packed comes out, and nothing past the end. */
#include "pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct pack sample(void)
{
    struct pack pack = {0};
    pack_u64(&pack, UINT64_MAX);
    pack_f64(&pack, -0.0);
    pack_text(&pack, "boiler");
    pack_bytes(&pack, NULL, 0);
    memcpy(pack_space(&pack, 3), "abc", 3);
    pack_f64(&pack, (double)NAN);
    return pack;
}

START_TEST(what_was_packed_comes_out)
{
    struct pack pack = sample();
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert_uint_eq(unpack_u64(&unpack), UINT64_MAX);
    const double zero = unpack_f64(&unpack);
    ck_assert(zero == 0 && signbit(zero));
    struct bytes text = unpack_bytes(&unpack);
    ck_assert_uint_eq(text.size, 6);
    ck_assert_mem_eq(text.data, "boiler", 6);
    ck_assert_uint_eq(unpack_bytes(&unpack).size, 0);
    ck_assert(!unpack_is_done(&unpack));
    text = unpack_bytes(&unpack);
    ck_assert_uint_eq(text.size, 3);
    ck_assert_mem_eq(text.data, "abc", 3);
    ck_assert(isnan(unpack_f64(&unpack)));
    ck_assert(unpack_is_done(&unpack));
    free(pack.bytes);
}
END_TEST

START_TEST(numbers_are_little_endian)
{
    struct pack pack = {0};
    pack_u64(&pack, UINT64_C(0x0102030405060708));
    ck_assert_mem_eq(pack.bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    free(pack.bytes);
}
END_TEST

/* Cut anywhere, it is short, and reads as zero from there on. */
START_TEST(a_cut_value_is_short)
{
    struct pack pack = sample();
    for (size_t size = 0; size < pack.size; size++) {
        unsigned char *copy = malloc(size + 1); /* so that a sanitizer sees the end */
        memcpy(copy, pack.bytes, size);
        struct unpack unpack = {copy, size, false};
        unpack_u64(&unpack);
        unpack_f64(&unpack);
        for (int i = 0; i < 3; i++) {
            const struct bytes bytes = unpack_bytes(&unpack);
            ck_assert(bytes.size <= size);
        }
        unpack_f64(&unpack);
        ck_assert(unpack.is_short);
        ck_assert(!unpack_is_done(&unpack));
        ck_assert_uint_eq(unpack_u64(&unpack), 0);
        ck_assert_ptr_null(unpack_bytes(&unpack).data);
        free(copy);
    }
    free(pack.bytes);
}
END_TEST

START_TEST(a_length_past_everything_is_short)
{
    struct pack pack = {0};
    pack_u64(&pack, UINT64_MAX - 3);
    pack_u64(&pack, 1);
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert_ptr_null(unpack_bytes(&unpack).data);
    ck_assert(unpack.is_short);
    free(pack.bytes);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(what_was_packed_comes_out),
        UNIT(numbers_are_little_endian),
        UNIT(a_cut_value_is_short),
        UNIT(a_length_past_everything_is_short),
    };
    return unit_run("pack", tests, COUNT(tests));
}
