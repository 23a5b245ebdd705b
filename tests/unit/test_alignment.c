/* SPDX-License-Identifier: MIT
 *
 * Two mixtures made one: the same components, whatever their places, are merged by their
 * moments, and what it costs is told. */
#include "alignment.h"

#include "mixture.h"

enum { D = 2, K = 3 };

/* The model with its components in other places. */
static struct mix_model *turned(const struct mix_model *model)
{
    double weights[K], means[K * D], covariances[K * D * D];
    for (size_t k = 0; k < K; k++) {
        const size_t from = (k + 1) % K;
        weights[k] = mix_model_weights(model)[from];
        memcpy(means + k * D, mix_model_means(model) + from * D, D * sizeof(double));
        memcpy(covariances + k * D * D, mix_model_covariances(model) + from * D * D,
               D * D * sizeof(double));
    }
    return mix_model_new(D, K, MIX_FULL, weights, means, covariances, NULL);
}

START_TEST(the_same_in_other_places_is_the_same)
{
    struct mix_model *a = mixture_random(D, K, 4, 5), *b = turned(a);
    double loss;
    struct mix_model *merged = mix_model_merge(a, 100, b, 300, &loss, NULL);
    ck_assert_ptr_nonnull(merged);
    for (size_t k = 0; k < K; k++) {
        ck_assert_double_eq_tol(mix_model_weights(merged)[k], mix_model_weights(a)[k],
                                1e-14);
    }
    for (size_t i = 0; i < K * D * D; i++) {
        const double tolerance = 1e-12;
        ck_assert_double_eq_tol(mix_model_covariances(merged)[i],
                                mix_model_covariances(a)[i], tolerance);
    }
    ck_assert_double_eq_tol(loss, 0, 1e-12);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    mix_model_destroy(&merged);
}
END_TEST

/* One component in two places: the pair is worth log 2 where it is far apart, less the
 * width that the one has to have. */
START_TEST(what_it_costs_is_the_divergence)
{
    const double one = 1, low = -5, high = 5, variance = 1;
    struct mix_model *a = mix_model_new(1, 1, MIX_FULL, &one, &low, &variance, NULL);
    struct mix_model *b = mix_model_new(1, 1, MIX_FULL, &one, &high, &variance, NULL);
    double loss, again;
    struct mix_model *merged = mix_model_merge(a, 7, b, 7, &loss, NULL);
    struct mix_model *other = mix_model_merge(b, 7, a, 7, &again, NULL);
    ck_assert_double_eq_tol(mix_model_means(merged)[0], 0, 1e-14);
    ck_assert_double_eq_tol(mix_model_covariances(merged)[0], 26, 1e-12);
    /* E log p = -log 2 - (1 + log 2 pi) / 2, E log q = -(1 + log(2 pi 26)) / 2; 8192
     * points have a standard error of .01. */
    ck_assert_double_eq_tol(loss, log(26) / 2 - log(2), 0.04);
    ck_assert_double_eq_tol(again, loss, 0.04);
    ck_assert_double_eq_tol(mix_model_covariances(other)[0], 26, 1e-12);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    mix_model_destroy(&merged);
    mix_model_destroy(&other);
}
END_TEST

/* (a + b) + c = a + (b + c) = (c + b) + a: weights of points, means and covariances. */
START_TEST(order_is_only_rounding)
{
    struct mix_model *model[3], *two[3], *all[3];
    const double points[3] = {1000, 30, 500};
    for (uint64_t i = 0; i < 3; i++) {
        struct mix_model *truth = mixture_random(D, K, 5, 9);
        struct sample s = sample_draw(truth, i, 2000);
        const struct mix_rows rows = sample_rows(&s);
        struct mix_options options;
        struct mix_fit_options effort;
        mix_options_init(&options, D, K);
        options.seed = i;
        options.noise = _i == 1;
        mix_fit_options_init(&effort);
        model[i] = mix_fit(&options, &effort, &rows, NULL, NULL, NULL);
        mix_model_destroy(&truth);
        free(s.x);
    }
    two[0] = mix_model_merge(model[0], points[0], model[1], points[1], NULL, NULL);
    two[1] = mix_model_merge(model[1], points[1], model[2], points[2], NULL, NULL);
    two[2] = mix_model_merge(model[1], points[1], model[0], points[0], NULL, NULL);
    all[0] = mix_model_merge(two[0], 1030, model[2], points[2], NULL, NULL);
    all[1] = mix_model_merge(model[0], points[0], two[1], 530, NULL, NULL);
    all[2] = mix_model_merge(model[2], points[2], two[2], 1030, NULL, NULL);
    for (size_t other = 1; other < 3; other++) {
        for (size_t k = 0; k < K; k++) {
            size_t l = 0;
            while (fabs(mix_model_means(all[other])[l * D] -
                        mix_model_means(all[0])[k * D]) > 1e-9) {
                ck_assert_uint_lt(++l, K);
            }
            ck_assert_double_eq_tol(mix_model_weights(all[other])[l],
                                    mix_model_weights(all[0])[k], _i == 1 ? 1e-5 : 1e-13);
            for (size_t i = 0; i < D * D; i++) {
                ck_assert_double_eq_tol(mix_model_covariances(all[other])[l * D * D + i],
                                        mix_model_covariances(all[0])[k * D * D + i],
                                        1e-12);
            }
        }
    }
    for (size_t i = 0; i < 3; i++) {
        mix_model_destroy(&model[i]);
        mix_model_destroy(&two[i]);
        mix_model_destroy(&all[i]);
    }
}
END_TEST

START_TEST(what_cannot_be_merged_is_refused)
{
    enum mix_err err;
    struct mix_model *a = mixture_random(D, K, 4, 5), *b = mixture_random(D, 2, 4, 5);
    struct mix_model *c = mixture_random(3, K, 4, 5);
    ck_assert_ptr_null(mix_model_merge(a, 1, b, 1, NULL, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    ck_assert_ptr_null(mix_model_merge(a, 1, c, 1, NULL, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    static const double bad[][2] = {{-1, 2}, {0, 0}, {1, HUGE_VAL}, {(double)NAN, 1}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_ptr_null(mix_model_merge(a, bad[i][0], a, bad[i][1], NULL, &err));
        ck_assert_int_eq(err, MIX_EVALUE);
    }
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    mix_model_destroy(&c);
}
END_TEST

int main(void)
{
    static const int two[2] = {0};
    const struct unit_test tests[] = {
        UNIT(the_same_in_other_places_is_the_same),
        UNIT(what_it_costs_is_the_divergence),
        UNIT_LOOP(order_is_only_rounding, two),
        UNIT(what_cannot_be_merged_is_refused),
    };
    return unit_run("alignment", tests, COUNT(tests));
}
