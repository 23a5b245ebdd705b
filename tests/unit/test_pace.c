/* SPDX-License-Identifier: MIT */
#include "pace.h"

#include "mixture.h"

START_TEST(before_the_end_of_the_warmup_steps_make_the_plain_mean)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    pace_install(&pace, 64, 64);
    double mean = 1; /* of 64 points */
    for (int i = 0; i < 5; i++) {
        const struct steps steps = pace_step(&pace, &options, false, 64, 1);
        ck_assert(steps.fast == steps.slow && steps.slow_points == pace.n);
        mean += steps.fast * (0 - mean);
    }
    ck_assert_double_eq_tol(mean, 1.0 / 6, 1e-15);
    ck_assert(pace.na == 6 * 64 && pace.base == pace.n);
}
END_TEST

START_TEST(the_fast_window_grows_like_the_power_of_the_stream)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    pace_install(&pace, 8192, 8192);
    struct steps steps = {0};
    for (int i = 0; i < 10000; i++) {
        steps = pace_step(&pace, &options, true, 256, 1);
    }
    const double n = 8192 + 256e4;
    ck_assert_double_eq_tol(steps.fast_points, 8192 * pow(n / 8192, 0.3), 1e-6);
    ck_assert_double_eq_tol(steps.fast * steps.fast_points, 256, 1e-9);
    ck_assert(steps.slow_points == n);
}
END_TEST

/* The slow average of the block index j has weights near j^0.5: mean 0.6 of the last. */
START_TEST(the_slow_average_prefers_recent_blocks_like_the_root)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    pace_install(&pace, 256, 256);
    double mean = 0;
    for (int j = 1; j <= 20000; j++) {
        mean += pace_step(&pace, &options, true, 256, 1).slow * (j - mean);
    }
    ck_assert_double_eq_tol(mean / 20000, 0.6, 1e-3);
}
END_TEST

START_TEST(the_textbook_step_counts_the_warmup)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    options.step_exponent = 0.7;
    options.step_offset = 3;
    pace_install(&pace, 8192, 8192);
    for (int t = 33; t < 100; t++) { /* 8192 / 256 = 32 blocks were before */
        const struct steps steps = pace_step(&pace, &options, true, 256, 1);
        ck_assert_double_eq_tol(steps.fast, pow(t + 3, -0.7), 1e-14);
        ck_assert(steps.fast == steps.slow);
    }
    ck_assert(pace.na > 256 && pace.na < pace.n);
    /* A constant step gamma = 0.1 has a memory of b (2 - gamma) / gamma points. */
    options.step_exponent = 1;
    options.step_offset = 0;
    for (int t = 0; t < 200; t++) {
        pace.n = 9 * 256;
        pace_step(&pace, &options, true, 256, 1);
    }
    ck_assert_double_eq_tol(pace.na, 256 * 19, 1e-6);
}
END_TEST

START_TEST(a_window_caps_the_memory)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    options.window = 5000;
    pace_install(&pace, 1000, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct steps steps = pace_step(&pace, &options, true, 100, 1);
        ck_assert(steps.fast_points <= 5000 && steps.slow_points <= 5000);
        if (i > 50) {
            ck_assert(steps.slow == 100.0 / 5000 && pace.na == 5000);
        }
    }
}
END_TEST

/* What is kept of the past and the blocks add up to the explicit sum. */
START_TEST(a_half_life_counts_what_is_left)
{
    struct mix_options options;
    struct pace pace;
    mix_options_init(&options, 1, 1);
    options.half_life = 10;
    pace_install(&pace, 1000, 1000);
    double left = 1000;
    for (int i = 0; i < 100; i++) {
        const struct steps steps = pace_step(&pace, &options, true, 100, 0.75);
        left = left * 0.75 + 100;
        ck_assert_double_eq_tol(steps.slow_points, left, 1e-9);
        ck_assert_double_eq_tol(steps.slow, 100 / left, 1e-12);
    }
    const struct steps steps = pace_step(&pace, &options, true, 100, 0);
    ck_assert(steps.slow == 1 && steps.fast == 1); /* after a long silence: a new start */
}
END_TEST

START_TEST(steps_stay_in_range_whatever_the_weights)
{
    struct mix_options options;
    mix_options_init(&options, 1, 1);
    const double weights[] = {1e-12, 1, 1e12, 1e140};
    for (size_t i = 0; i < COUNT(weights); i++) {
        struct pace pace;
        pace_install(&pace, 100, 100);
        for (size_t j = 0; j < 10; j++) {
            const struct steps steps = pace_step(&pace, &options, true, weights[i], 1);
            ck_assert(steps.fast > 0 && steps.fast <= 1);
            ck_assert(steps.slow > 0 && steps.slow <= 1);
            ck_assert(isfinite(steps.fast_points) && isfinite(steps.slow_points));
        }
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(before_the_end_of_the_warmup_steps_make_the_plain_mean),
        UNIT(the_fast_window_grows_like_the_power_of_the_stream),
        UNIT(the_slow_average_prefers_recent_blocks_like_the_root),
        UNIT(the_textbook_step_counts_the_warmup),
        UNIT(a_window_caps_the_memory),
        UNIT(a_half_life_counts_what_is_left),
        UNIT(steps_stay_in_range_whatever_the_weights),
    };
    return unit_run("pace", tests, COUNT(tests));
}
