/* SPDX-License-Identifier: MIT
 *
 * Whole numbers against those of 64 bits, and by their laws where they are longer. */
#include "big.h"

#include <string.h>

#include "unit.h"

static uint64_t low_bits(const struct big *big)
{
    return (big->n > 0 ? big->limb[0] : 0) |
           (big->n > 1 ? (uint64_t)big->limb[1] << 32 : 0);
}

START_TEST(small_numbers_are_those_of_64_bits)
{
    const uint64_t seed = unit_seed(20260501);
    uint64_t state = seed;
    for (int i = 0; i < 100000; i++) {
        const uint64_t value = unit_random(&state) >> (unit_random(&state) % 64);
        const uint32_t factor = (uint32_t)unit_random(&state);
        const uint32_t addend = (uint32_t)unit_random(&state);
        struct big big;
        big_set(&big, value);
        ck_assert_uint_eq(low_bits(&big), value);
        ck_assert(big.n == 0 || big.limb[big.n - 1] != 0);
        big_multiply_add(&big, factor, addend);
        ck_assert_msg(low_bits(&big) == value * factor + addend, "(seed %llu)",
                      (unsigned long long)seed);
    }
}
END_TEST

START_TEST(five_times_two_is_ten_at_any_power)
{
    for (int power = 0; power <= 700; power += 7) {
        struct big ten;
        struct big product;
        big_set(&ten, 3);
        for (int i = 0; i < power; i++) {
            big_multiply_add(&ten, 10, 0);
        }
        big_set(&product, 3);
        big_power5(&product, power);
        big_shift(&product, (size_t)power);
        ck_assert_int_eq(big_compare(&ten, &product), 0);
        big_multiply_add(&product, 1, 1);
        ck_assert_int_eq(big_compare(&ten, &product), -1);
        ck_assert_int_eq(big_compare(&product, &ten), 1);
    }
}
END_TEST

START_TEST(zero_stays_zero)
{
    struct big zero;
    struct big one;
    big_set(&zero, 0);
    big_set(&one, 1);
    big_shift(&zero, 1000);
    big_power5(&zero, 1000);
    ck_assert_uint_eq(zero.n, 0);
    ck_assert_int_eq(big_compare(&zero, &one), -1);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(small_numbers_are_those_of_64_bits),
        UNIT(five_times_two_is_ten_at_any_power),
        UNIT(zero_stays_zero),
    };
    return unit_run("big", tests, COUNT(tests));
}
