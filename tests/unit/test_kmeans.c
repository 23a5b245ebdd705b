/* SPDX-License-Identifier: MIT */
#include "kmeans.h"

#include "mixture.h"

enum { D = 2, K = 4 };

/* What k-means is run on, and what it gave. */
struct run {
    struct points *points;
    struct scales *scales;
    struct kmeans *kmeans;
};

static struct run run_kmeans(const struct sample *s, size_t components, uint64_t seed,
                             uint64_t index)
{
    struct run run = {.points = sample_points(s), .scales = scales_new(s->dimensions)};
    struct weighted *scratch = calloc(SCALES_SCRATCH * s->n, sizeof(*scratch));
    for (size_t d = 0; d < s->dimensions; d++) {
        scales_measure(run.scales, run.points, d, (double)NAN, scratch);
    }
    free(scratch);
    run.kmeans = kmeans_new(s->dimensions, components, s->n);
    ck_assert_ptr_nonnull(run.kmeans);
    kmeans_start(run.kmeans, run.points, run.scales, seed, index);
    while (!kmeans_is_done(run.kmeans)) {
        ck_assert(kmeans_step(run.kmeans) > 0);
    }
    ck_assert_uint_eq(kmeans_step(run.kmeans), 0);
    return run;
}

static void run_clear(struct run *run)
{
    points_destroy(&run->points);
    scales_destroy(&run->scales);
    kmeans_destroy(&run->kmeans);
}

START_TEST(separated_clusters_are_found_from_any_seed)
{
    const uint64_t seed = (uint64_t)_i + 1;
    struct mix_model *truth = mixture_random(D, K, 20, seed);
    struct sample s = sample_draw(truth, seed, 800);
    struct run run = run_kmeans(&s, K, seed, 0);
    double centres[K * D];
    kmeans_centres(run.kmeans, centres);
    for (size_t k = 0; k < K; k++) {
        double nearest = HUGE_VAL;
        for (size_t l = 0; l < K; l++) {
            const double *mean = mix_model_means(truth) + k * D;
            nearest = fmin(nearest,
                           hypot(centres[l * D] - mean[0], centres[l * D + 1] - mean[1]));
        }
        /* A mean of some 100 points of standard deviation below 1.8. */
        ck_assert_msg(nearest < 1, "seed %d: component %zu is %g away", _i + 1, k,
                      nearest);
    }
    run_clear(&run);
    free(s.x);
    mix_model_destroy(&truth);
}
END_TEST

/* Rounded relative to its place, the distance of a freak to itself is larger than any
 * other: it must not be chosen twice, and the others must not fall together. */
START_TEST(a_freak_is_one_centre)
{
    const double freaks[] = {1e6, 1e20, 3.4e38, 1e150};
    struct mix_model *truth = mixture_random(D, K, 20, 7);
    struct sample s = sample_draw(truth, 7, 800);
    s.x[100 * D] = s.x[100 * D + 1] = s.x[300 * D] = s.x[300 * D + 1] = freaks[_i];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct run run = run_kmeans(&s, K + 1, seed, 0);
        double centres[(K + 1) * D];
        size_t far = 0;
        kmeans_centres(run.kmeans, centres);
        for (size_t l = 0; l <= K; l++) {
            far += centres[l * D] == freaks[_i];
        }
        ck_assert_msg(far == 1, "seed %d: %zu of the centres", (int)seed, far);
        for (size_t k = 0; k < K; k++) {
            const double *mean = mix_model_means(truth) + k * D;
            double nearest = HUGE_VAL;
            for (size_t l = 0; l <= K; l++) {
                nearest = fmin(nearest, hypot(centres[l * D] - mean[0],
                                              centres[l * D + 1] - mean[1]));
            }
            ck_assert_msg(nearest < 1, "seed %d: %g away", (int)seed, nearest);
        }
        run_clear(&run);
    }
    free(s.x);
    mix_model_destroy(&truth);
}
END_TEST

START_TEST(responsibilities_are_the_weights_of_the_points)
{
    struct mix_model *truth = mixture_random(D, K, 3, 5);
    struct sample s = sample_draw(truth, 5, 700);
    struct run run = run_kmeans(&s, K, 1, 0);
    double resp[K * BLOCK_POINTS];
    for (size_t j = 0; j < points_blocks(run.points); j++) {
        const struct block *block = points_block(run.points, j);
        kmeans_responsibilities(run.kmeans, j, resp);
        for (size_t i = 0; i < block->n; i++) {
            double sum = 0;
            for (size_t k = 0; k < K; k++) {
                sum += resp[k * BLOCK_POINTS + i];
            }
            ck_assert(sum == block->weight[i]);
        }
    }
    run_clear(&run);
    free(s.x);
    mix_model_destroy(&truth);
}
END_TEST

START_TEST(centres_without_points_share_those_of_another)
{
    enum { MANY = 7 };
    struct sample s = sample_new(90, D); /* three distinct points */
    for (size_t i = 0; i < s.n; i++) {
        s.x[i * D] = (double)(i % 3);
        s.x[i * D + 1] = (double)(i % 3) * 5;
    }
    struct run run = run_kmeans(&s, MANY, 3, 0);
    double resp[MANY * BLOCK_POINTS], total = 0;
    kmeans_responsibilities(run.kmeans, 0, resp);
    for (size_t k = 0; k < MANY; k++) {
        double mass = 0;
        for (size_t i = 0; i < s.n; i++) {
            mass += resp[k * BLOCK_POINTS + i];
        }
        ck_assert_msg(mass > 0, "component %zu has no points", k);
        total += mass;
    }
    ck_assert_double_eq_tol(total, (double)s.n, 1e-10);
    run_clear(&run);
    free(s.x);
}
END_TEST

START_TEST(units_that_are_powers_of_two_change_no_bit)
{
    struct mix_model *truth = mixture_random(D, K, 3, 9);
    struct sample s = sample_draw(truth, 9, 600), t = sample_draw(truth, 9, 600);
    for (size_t i = 0; i < s.n; i++) {
        t.x[i * D] *= 0x1p40;
        t.x[i * D + 1] *= 0x1p-30;
    }
    struct run a = run_kmeans(&s, K, 1, 2), b = run_kmeans(&t, K, 1, 2);
    double in_a[K * D], in_b[K * D];
    kmeans_centres(a.kmeans, in_a);
    kmeans_centres(b.kmeans, in_b);
    for (size_t k = 0; k < K; k++) {
        ck_assert(in_a[k * D] * 0x1p40 == in_b[k * D]);
        ck_assert(in_a[k * D + 1] * 0x1p-30 == in_b[k * D + 1]);
    }
    run_clear(&a);
    run_clear(&b);
    free(s.x);
    free(t.x);
    mix_model_destroy(&truth);
}
END_TEST

START_TEST(runs_differ_by_index_and_repeat_by_seed)
{
    struct mix_model *truth = mixture_random(D, K, 2, 11);
    struct sample s = sample_draw(truth, 11, 600);
    struct run a = run_kmeans(&s, K, 1, 0), b = run_kmeans(&s, K, 1, 0);
    struct run c = run_kmeans(&s, K, 1, 1);
    double in_a[K * D], in_b[K * D], in_c[K * D];
    kmeans_centres(a.kmeans, in_a);
    kmeans_centres(b.kmeans, in_b);
    kmeans_centres(c.kmeans, in_c);
    ck_assert(memcmp(in_a, in_b, sizeof(in_a)) == 0);
    ck_assert(memcmp(in_a, in_c, sizeof(in_a)) != 0);
    run_clear(&a);
    run_clear(&b);
    run_clear(&c);
    free(s.x);
    mix_model_destroy(&truth);
}
END_TEST

START_TEST(missing_coordinates_are_left_out)
{
    struct sample s = sample_new(400, D);
    for (size_t i = 0; i < s.n; i++) { /* two clusters, every second row half known */
        s.x[i * D] = i % 4 < 2 ? 0.01 * (double)i : 100 + 0.01 * (double)i;
        s.x[i * D + 1] = i % 2 == 0 ? s.x[i * D] : (double)NAN;
    }
    struct run run = run_kmeans(&s, 2, 1, 0);
    double centres[2 * D];
    kmeans_centres(run.kmeans, centres);
    const double low = fmin(centres[0], centres[D]), high = fmax(centres[0], centres[D]);
    ck_assert(low > 0 && low < 4 && high > 100 && high < 104);
    ck_assert(isfinite(centres[1]) && isfinite(centres[D + 1]));
    run_clear(&run);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {separated_clusters_are_found_from_any_seed, 20},
        {a_freak_is_one_centre, 4},
        UNIT(responsibilities_are_the_weights_of_the_points),
        UNIT(centres_without_points_share_those_of_another),
        UNIT(units_that_are_powers_of_two_change_no_bit),
        UNIT(runs_differ_by_index_and_repeat_by_seed),
        UNIT(missing_coordinates_are_left_out),
    };
    return unit_run("kmeans", tests, COUNT(tests));
}
