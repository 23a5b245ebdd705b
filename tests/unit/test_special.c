/* SPDX-License-Identifier: MIT
 *
 * Our elementary functions against long double, in units in the last place. */
#include "special.h"

#include <math.h>

#include "rng.h"
#include "unit.h"

#define N 200000

/* Distance in units in the last place of the right value. */
static double ulps(double is, long double should)
{
    const double size = fabs((double)should);
    return (double)fabsl((is - should) / (nextafter(size, HUGE_VAL) - size));
}

static struct rng numbers(void)
{
    return rng_at(unit_seed(1), RNG_TEST, 0);
}

START_TEST(exp_is_right_below_one_ulp)
{
    struct rng rng = numbers();
    for (int i = 0; i < N; i++) {
        const double x = (i % 2 == 0 ? 1400 : 4) * (rng_uniform(&rng) - 0.5);
        ck_assert_msg(ulps(special_exp(x), expl(x)) < 1, "exp(%.17g)", x);
    }
}
END_TEST

START_TEST(log_is_right_below_one_ulp)
{
    struct rng rng = numbers();
    for (int i = 0; i < N; i++) {
        const double x = i % 2 == 0 ? 0.25 + 3 * rng_uniform(&rng)
                                    : exp(1400 * (rng_uniform(&rng) - 0.5));
        ck_assert_msg(ulps(special_log(x), logl(x)) < 1, "log(%.17g)", x);
        ck_assert_msg(ulps(special_log2(x), log2l(x)) < 2, "log2(%.17g)", x);
    }
}
END_TEST

START_TEST(edges_are_what_they_should_be)
{
    ck_assert(special_exp(0) == 1 && special_log(1) == 0 && special_log2(1) == 0);
    ck_assert(special_exp(-HUGE_VAL) == 0 && special_exp(-709) == 0);
    ck_assert(special_exp(HUGE_VAL) == HUGE_VAL && special_exp(710) == HUGE_VAL);
    ck_assert(special_exp(709.78) < HUGE_VAL && special_exp(-708.39) >= 0x1p-1022);
    ck_assert(isnan(special_exp((double)NAN)) && isnan(special_log((double)NAN)));
    ck_assert(special_log(0) == -HUGE_VAL && special_log2(0) == -HUGE_VAL);
    ck_assert(isnan(special_log(-1)) && isnan(special_log2(-1)));
    ck_assert(special_log(HUGE_VAL) == HUGE_VAL);
    for (int k = -1074; k < 1024; k++) {
        ck_assert(special_log2(ldexp(1, k)) == k);
    }
}
END_TEST

START_TEST(split_is_exact)
{
    struct rng rng = numbers();
    for (int i = 0; i < 1000; i++) {
        int e;
        const double x = ldexp(1 + rng_uniform(&rng), i - 500);
        const double m = special_split(x, &e);
        ck_assert(m >= 1 && m < 2 && ldexp(m, e) == x);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(exp_is_right_below_one_ulp),
        UNIT(log_is_right_below_one_ulp),
        UNIT(edges_are_what_they_should_be),
        UNIT(split_is_exact),
    };
    return unit_run("special", tests, COUNT(tests));
}
