/* SPDX-License-Identifier: MIT */
#include "score.h"

#include "mixture.h"
#include "tail.h"

enum { D = 2 };

static struct scales *unit_scales(void)
{
    struct scales *scales = scales_new(D);
    for (size_t d = 0; d < D; d++) {
        scales->mean[d] = 1;
        scales->sd[d] = 2;
    }
    return scales;
}

/* log of one Cauchy density at x, location 1, scale 6. */
static double cauchy(double x)
{
    const double z = (x - 1) / 6;
    return -log(3.14159265358979323846 * 6 * (1 + z * z));
}

START_TEST(the_score_is_the_log_of_the_mixture_with_the_background)
{
    struct scales *scales = unit_scales();
    const struct background bg = background_of(scales, 99); /* eps = 0.01 */
    const double x[D] = {3, -4};
    const double log_densities[] = {0.5, -3, -10, -40, -1e5};
    for (size_t i = 0; i < COUNT(log_densities); i++) {
        const double p = 0.99 * exp(log_densities[i]);
        const double expected = log(p + 0.01 * exp(cauchy(3) + cauchy(-4)));
        ck_assert_double_eq_tol(score_point(&bg, x, log_densities[i]), expected, 1e-13);
    }
    scales_destroy(&scales);
}
END_TEST

START_TEST(a_missing_entry_leaves_its_background_out)
{
    struct scales *scales = unit_scales();
    const struct background bg = background_of(scales, 99);
    const double x[D] = {(double)NAN, -4}, none[D] = {(double)NAN, (double)NAN};
    ck_assert_double_eq_tol(score_point(&bg, x, -HUGE_VAL), log(0.01) + cauchy(-4),
                            1e-13);
    ck_assert(isnan(score_point(&bg, none, 0)));
    scales_destroy(&scales);
}
END_TEST

START_TEST(every_point_has_a_finite_score)
{
    struct scales *scales = unit_scales();
    const double values[] = {0, 1e-300, 1e10, 1e150, -1e150};
    const double sds[] = {1e-140, 1, 1e150};
    for (size_t i = 0; i < COUNT(values); i++) {
        for (size_t j = 0; j < COUNT(sds); j++) {
            const double x[D] = {values[i], values[i]};
            scales->sd[0] = scales->sd[1] = sds[j];
            for (double points = 1e-3; points < 1e18; points *= 1000) {
                const struct background bg = background_of(scales, points);
                ck_assert(isfinite(score_point(&bg, x, -HUGE_VAL)));
                ck_assert(isfinite(score_point(&bg, x, 3)));
            }
        }
    }
    scales_destroy(&scales);
}
END_TEST

START_TEST(a_shared_width_is_the_root_of_the_mean_variance)
{
    struct scales *scales = unit_scales();
    const double x[D] = {3, -4};
    struct background bg = background_of(scales, 99);
    background_share_width(&bg); /* the widths were equal */
    ck_assert_double_eq_tol(score_point(&bg, x, -HUGE_VAL),
                            log(0.01) + cauchy(3) + cauchy(-4), 1e-13);
    scales->sd[0] = sqrt(8);
    scales->sd[1] = 1e-150; /* by itself it would add 344 nats to every point */
    bg = background_of(scales, 99);
    background_share_width(&bg);
    ck_assert_double_eq_tol(score_point(&bg, x, -HUGE_VAL),
                            log(0.01) + cauchy(3) + cauchy(-4), 1e-13);
    scales->sd[0] = scales->sd[1] = 1e150;
    background_share_width(&bg);
    ck_assert(isfinite(score_point(&bg, x, -HUGE_VAL)));
    scales_destroy(&scales);
}
END_TEST

START_TEST(a_block_and_its_points_score_the_same)
{
    struct mix_model *truth = mixture_random(D, 3, 3, 1);
    struct sample s = sample_draw(truth, 1, 200);
    for (size_t i = 0; i < s.n; i += 7) {
        s.x[i * D] *= i % 2 == 0 ? 1e6 : 1e140; /* beyond what the kernel does */
    }
    struct points *points = sample_points(&s);
    const struct block *block = points_block(points, 0);
    struct scales *scales = unit_scales();
    struct background bg = background_of(scales, 1000);
    if (_i == 1) { /* one width for both fields */
        scales->sd[0] = 7;
        background_share_width(&bg);
    }
    const struct mix_rows rows = sample_rows(&s);
    double log_density[BLOCK_POINTS], sum = 0;
    size_t first = TAIL_BINS, end = 0;
    struct block_score scores;
    struct tail tail = {0};
    tail_begin(&tail, -3);
    ck_assert_int_eq(mix_model_log_density(truth, &rows, log_density), MIX_OK);
    memset(log_density + s.n, 0, (BLOCK_POINTS - s.n) * sizeof(double));
    for (size_t i = 1; i < s.n; i += 7) { /* where the background is the larger part */
        log_density[i] = i == 1 ? -HUGE_VAL : -20 * (double)i;
    }
    score_block(&bg, block, log_density, tail.reference, &scores);
    for (size_t i = 0; i < s.n; i++) {
        const double expected = score_point(&bg, s.x + i * D, log_density[i]);
        ck_assert_double_eq_tol(scores.score[i], expected, 4e-16 * (1 + fabs(expected)));
        ck_assert_int_eq(scores.bin[i], (int64_t)tail_bin(-3, scores.score[i]));
        sum += scores.score[i];
        first = (size_t)scores.bin[i] < first ? (size_t)scores.bin[i] : first;
        end = (size_t)scores.bin[i] >= end ? (size_t)scores.bin[i] + 1 : end;
    }
    ck_assert(scores.first == first && scores.end == end);
    ck_assert(scores.mass == (double)s.n);
    ck_assert_double_eq_tol(scores.sum, sum, 1e-12 * fabs(sum));
    tail_add_bins(&tail, scores.bin, block->weight, s.n, scores.mass);
    ck_assert(tail.total == 0); /* no room was taken */
    ck_assert(tail_reserve(&tail, scores.first, scores.end));
    tail_add_bins(&tail, scores.bin, block->weight, s.n, scores.mass);
    ck_assert(tail.total == (double)s.n);
    tail_clear(&tail);
    scales_destroy(&scales);
    points_destroy(&points);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_score_is_the_log_of_the_mixture_with_the_background),
        UNIT(a_missing_entry_leaves_its_background_out),
        UNIT(every_point_has_a_finite_score),
        UNIT(a_shared_width_is_the_root_of_the_mean_variance),
        {a_block_and_its_points_score_the_same, 2},
    };
    return unit_run("score", tests, COUNT(tests));
}
