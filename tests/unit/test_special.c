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


/* log x - digamma(x) and trigamma(x) by the recurrence to 40, where Stirling's series has
 * long double's digits after three terms. */
static long double gap_reference(long double x, long double *trigamma)
{
    long double sum = 0, y = x;
    for (*trigamma = 0; y < 40; y++) {
        sum += 1 / y;
        *trigamma += 1 / (y * y);
    }
    const long double z = 1 / (y * y);
    *trigamma += 1 / y + z / 2 + z / y * (1.0L / 6 - z * (1.0L / 30 - z * (1.0L / 42 - z / 30)));
    return logl(x) - logl(y) + sum + 1 / (2 * y) +
           z * (1.0L / 12 - z * (1.0L / 120 - z * (1.0L / 252 - z / 240)));
}

static double relative(double is, long double should)
{
    return (double)fabsl((is - should) / should);
}

START_TEST(gamma_functions_are_right)
{
    struct rng rng = numbers();
    for (int i = 0; i < N / 10; i++) {
        const double x = exp(24 * (rng_uniform(&rng) - 0.4));
        const long double stirling = (x - 0.5L) * logl(x) - x + 0.918938533204672741780L;
        if (x < 10) { /* beyond, the difference has no digits left */
            ck_assert_msg(fabsl(special_binet(x) - (lgammal(x) - stirling)) < 2e-14L,
                          "binet(%.17g)", x);
        }
        long double trigamma;
        const long double gap = gap_reference(x, &trigamma);
        ck_assert_msg(relative(special_digamma_gap(x), gap) < 1e-13, "gap(%.17g)", x);
        ck_assert_msg(relative(special_trigamma(x), trigamma) < 4e-15, "trigamma(%.17g)", x);
        ck_assert_msg(relative(special_inverse_gap(special_digamma_gap(x)), x) < 1e-11,
                      "inverse_gap at %.17g", x);
        const double y = 1 + 0.9 * (rng_uniform(&rng) - 0.5);
        ck_assert_msg(fabsl(special_deviance(y) - (y - 1 - logl(y))) <=
                          1e-15L * (y - 1) * (y - 1) + 1e-19L,
                      "deviance(%.17g)", y);
    }
    /* The series begins with 1 / 12x, where Stirling's rest is it to the last digit. */
    ck_assert_double_eq_tol(special_binet(1e6), 1 / 12e6, 1e-20);
    ck_assert(special_inverse_gap(0) == HUGE_VAL && special_inverse_gap(HUGE_VAL) == 0);
    ck_assert_double_eq_tol(special_inverse_gap(5e-10), 1e9, 1);
}
END_TEST

START_TEST(angles_are_right)
{
    struct rng rng = numbers();
    for (int i = 0; i < N; i++) {
        const double x = (i % 2 == 0 ? 7 : 2e6) * (rng_uniform(&rng) - 0.5);
        double s, c;
        special_sincos(x, &s, &c);
        ck_assert_msg(fabsl(s - sinl(x)) < 3e-16 + 1e-16 * fabs(x), "sin(%.17g)", x);
        ck_assert_msg(fabsl(c - cosl(x)) < 3e-16 + 1e-16 * fabs(x), "cos(%.17g)", x);
        const double a = rng_uniform(&rng) - 0.5, b = rng_uniform(&rng) - 0.5;
        ck_assert_msg(fabsl(special_atan2(a, b) - atan2l(a, b)) < 1e-15, "atan2(%g, %g)", a,
                      b);
    }
    double s, c;
    special_sincos(1e150, &s, &c);
    ck_assert_double_eq_tol(s * s + c * c, 1, 1e-14);
    ck_assert(special_atan2(0, 0) == 0 && special_atan2(0, 2) == 0);
    ck_assert_double_eq_tol(special_atan2(-1, 0), -SPECIAL_PI / 2, 1e-16);
}
END_TEST

/* e^-x I(x) of order 0 and 1 by the trapezoid rule, which is exact for what is periodic
 * and smooth: the mean over the circle of e^(x cos t - x) and of that times cos t. */
static long double bessel(double x, int order)
{
    enum { STEPS = 4096 };
    long double sum = 0;
    for (int i = 0; i < STEPS; i++) {
        const long double t = 2 * 3.14159265358979323846264L * i / STEPS;
        sum += expl(x * cosl(t) - x) * (order == 0 ? 1 : cosl(t));
    }
    return sum / STEPS;
}

START_TEST(bessel_functions_are_right)
{
    struct rng rng = numbers();
    for (int i = 0; i < 300; i++) {
        const double x = exp(14 * rng_uniform(&rng) - 4);
        const long double zero = bessel(x, 0), ratio = bessel(x, 1) / zero;
        ck_assert_msg(fabsl(special_log_i0(x) - logl(zero)) < 1e-14, "log_i0(%.17g)", x);
        ck_assert_msg(relative(special_bessel_ratio(x), ratio) < 2e-15, "ratio(%.17g)", x);
        ck_assert_msg(relative(special_inverse_bessel(special_bessel_ratio(x)), x) < 1e-9,
                      "inverse_bessel at %.17g", x);
    }
    ck_assert(special_bessel_ratio(0) == 0 && special_log_i0(0) == 0);
    ck_assert(special_inverse_bessel(0) == 0 && special_inverse_bessel(1) == HUGE_VAL);
    ck_assert_double_eq_tol(special_inverse_bessel(1 - 5e-10), 1e9, 1e2);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(exp_is_right_below_one_ulp),
        UNIT(log_is_right_below_one_ulp),
        UNIT(edges_are_what_they_should_be),
        UNIT(gamma_functions_are_right),
        UNIT(angles_are_right),
        UNIT(bessel_functions_are_right),
        UNIT(split_is_exact),
    };
    return unit_run("special", tests, COUNT(tests));
}
