/* SPDX-License-Identifier: MIT */
#include "splitmerge.h"

#include "mixture.h"
#include "moves.h"
#include "search.h"

enum { D = 2, K = 4, N = 3000 };

/* Four clusters, and a start that covers two of them with one component and one of
 * them with two: a local maximum. */
struct trap {
    struct sample sample;
    struct points *points;
    struct mix_model *truth, *model;
    struct scales *scales;
    struct prior prior;
    struct mix_options options;
};

static void climb(const struct trap *trap, struct mix_model *model)
{
    struct em *em = em_new(&model->shape);
    em_start(em, trap->points, &trap->prior, model, 300, 1e-9);
    while (!em->is_done) {
        uint64_t budget = UINT64_MAX;
        em_run(em, &budget);
    }
    em_destroy(&em);
}

static struct trap trap_new(enum mix_covariance covariance)
{
    const double true_means[] = {0, 0, 8, 0, 0, 8, 8, 8};
    const double bad_means[] = {4, 0, 0, 7.5, 0.5, 8.5, 8, 8};
    const double weights[] = {0.25, 0.25, 0.25, 0.25};
    double unit[K * D * D] = {0};
    for (size_t k = 0; k < K; k++) {
        unit[k * 4] = unit[k * 4 + 3] = 1;
    }
    struct trap trap = {0};
    mix_options_init(&trap.options, D, K);
    trap.options.covariance = covariance;
    trap.truth = mix_model_new(D, K, MIX_FULL, weights, true_means, unit, NULL);
    trap.sample = sample_draw(trap.truth, 101, N);
    trap.points = sample_points(&trap.sample);
    const double flat[K * D] = {1, 1, 1, 1, 1, 1, 1, 1}, tied[D * D] = {1, 0, 0, 1};
    trap.model = mix_model_new(D, K, covariance, weights, bad_means,
                               covariance == MIX_FULL   ? unit
                               : covariance == MIX_TIED ? tied
                                                        : flat,
                               NULL);
    trap.scales = scales_new(D);
    scales_of_model(trap.scales, trap.truth, NULL);
    trap.prior = prior_of(trap.scales);
    climb(&trap, trap.model);
    return trap;
}

static void trap_clear(struct trap *trap)
{
    mix_model_destroy(&trap->truth);
    mix_model_destroy(&trap->model);
    points_destroy(&trap->points);
    scales_destroy(&trap->scales);
    free(trap->sample.x);
}

START_TEST(it_leaves_a_local_maximum)
{
    struct trap trap = trap_new((enum mix_covariance)_i);
    const double truth = mean_log_density(trap.truth, &trap.sample);
    ck_assert_msg(mean_log_density(trap.model, &trap.sample) < truth - 0.1, "no trap");
    struct splitmerge *sm = splitmerge_new(&trap.options, &trap.model->shape, N);
    splitmerge_start(sm, trap.points, &trap.prior, trap.model, 6);
    uint64_t budget = UINT64_MAX;
    ck_assert(splitmerge_run(sm, &budget));
    ck_assert(splitmerge_accepted(sm) >= 1);
    ck_assert(mean_log_density(trap.model, &trap.sample) > truth - 0.005);
    splitmerge_destroy(&sm);
    trap_clear(&trap);
}
END_TEST

START_TEST(a_good_model_stays_as_it_is)
{
    struct trap trap = trap_new(MIX_FULL);
    struct mix_model *model = mix_model_copy(trap.truth);
    climb(&trap, model);
    const double before = mean_log_density(model, &trap.sample);
    struct splitmerge *sm = splitmerge_new(&trap.options, &model->shape, N);
    splitmerge_start(sm, trap.points, &trap.prior, model, 6);
    uint64_t budget = UINT64_MAX;
    ck_assert(splitmerge_run(sm, &budget));
    ck_assert_uint_eq(splitmerge_accepted(sm), 0);
    ck_assert(mean_log_density(model, &trap.sample) == before);
    splitmerge_destroy(&sm);
    mix_model_destroy(&model);
    trap_clear(&trap);
}
END_TEST

START_TEST(slices_change_no_bit)
{
    struct trap whole = trap_new(MIX_FULL), sliced = trap_new(MIX_FULL);
    struct splitmerge *a = splitmerge_new(&whole.options, &whole.model->shape, N);
    struct splitmerge *b = splitmerge_new(&sliced.options, &sliced.model->shape, N);
    uint64_t budget = UINT64_MAX;
    splitmerge_start(a, whole.points, &whole.prior, whole.model, 3);
    ck_assert(splitmerge_run(a, &budget));
    splitmerge_start(b, sliced.points, &sliced.prior, sliced.model, 3);
    for (uint64_t i = 0;; i++) {
        budget = 1 + i % 2000;
        if (splitmerge_run(b, &budget)) {
            break;
        }
    }
    ck_assert(memcmp(whole.model->param, sliced.model->param,
                     whole.model->shape.param_size * sizeof(double)) == 0);
    splitmerge_destroy(&a);
    splitmerge_destroy(&b);
    trap_clear(&whole);
    trap_clear(&sliced);
}
END_TEST

START_TEST(one_component_has_nothing_to_merge)
{
    struct trap trap = trap_new(MIX_FULL);
    struct mix_model *one = mixture_random(D, 1, 1, 1);
    trap.options.components = 1;
    struct splitmerge *sm = splitmerge_new(&trap.options, &one->shape, N);
    splitmerge_start(sm, trap.points, &trap.prior, one, 6);
    uint64_t budget = UINT64_MAX;
    ck_assert(splitmerge_run(sm, &budget));
    splitmerge_destroy(&sm);
    mix_model_destroy(&one);
    trap_clear(&trap);
}
END_TEST

/* The loss of a merge and the change of a cut are exact: the same as the difference of
 * the likelihoods of two models that are made by hand. */
START_TEST(changes_are_differences_of_likelihoods)
{
    struct trap trap = trap_new(MIX_FULL);
    const struct shape *shape = &trap.model->shape;
    struct moves *moves = moves_new(shape, N, K);
    struct estep *estep = estep_new(shape);
    joint_sample(moves->joint, trap.points);
    stats_of_model(moves->stats, trap.model);
    for (size_t j = 0; j < points_blocks(trap.points); j++) {
        joint_fill(moves->joint, estep, trap.model, j);
    }
    const double before = mean_log_density(trap.model, &trap.sample);
    struct shape fewer = shape_resize(shape, K - 1), more = shape_resize(shape, K + 1);

    struct merge merge = {1, 2, 0};
    moves_losses(moves, &trap.prior, &merge, 1);
    struct mix_model *merged = model_new(&fewer);
    struct stats *stats = stats_new(&fewer);
    moves_merge(moves, 1, 2, stats, &fewer, 0);
    stats_place(stats, &fewer, 1, moves->stats, shape, 0);
    stats_place(stats, &fewer, 2, moves->stats, shape, 3);
    const struct prior none = {.s0 = trap.prior.s0, .vf = trap.prior.vf};
    ck_assert_int_eq(stats_mstep(stats, N, &none, merged, NULL), MIX_OK);
    /* The prior of four points on half of the sample makes the small difference. */
    ck_assert_double_eq_tol(merge.loss, before - mean_log_density(merged, &trap.sample),
                            1e-4);

    const struct cut cut = moves_cut(moves, &trap.prior, 0, 0, CUT_FIRST_AXIS);
    struct mix_model *finer = model_new(&more);
    struct stats *cut_stats = stats_new(&more);
    for (size_t k = 0; k < K; k++) {
        stats_place(cut_stats, &more, k, moves->stats, shape, k);
    }
    stats_of_model(moves->pair, moves->pair_model);
    stats_place(cut_stats, &more, 0, moves->pair, &moves->pair_shape, 0);
    stats_place(cut_stats, &more, K, moves->pair, &moves->pair_shape, 1);
    cut_stats->rho[0] = moves->stats->rho[0] * cut.share;
    cut_stats->rho[K] = moves->stats->rho[0] * (1 - cut.share);
    ck_assert_int_eq(stats_mstep(cut_stats, N, &none, finer, NULL), MIX_OK);
    ck_assert_double_eq_tol(cut.change, mean_log_density(finer, &trap.sample) - before,
                            1e-9);
    ck_assert(cut.change > 0.1 && merge.loss > 0);

    mix_model_destroy(&merged);
    mix_model_destroy(&finer);
    stats_destroy(&stats);
    stats_destroy(&cut_stats);
    moves_destroy(&moves);
    estep_destroy(&estep);
    trap_clear(&trap);
}
END_TEST

/* Halves of a component have its mean together, and its covariance up to 0.04 of the
 * variance along the cut. */
START_TEST(halves_keep_the_moments)
{
    const enum family_cut way = (enum family_cut)_i;
    struct mix_model *model = mixture_random(D, 1, 1, 7);
    struct shape two = shape_resize(&model->shape, 2);
    struct stats *stats = stats_new(&model->shape), *pair = stats_new(&two);
    const double s0[D] = {1, 1};
    stats_of_model(stats, model);
    stats_split(stats, &model->shape, 0, way, s0, pair);
    ck_assert(pair->rho[0] == 0.5 && pair->rho[1] == 0.5);
    for (size_t d = 0; d < D; d++) {
        /* gaussian.h: the component comes last, C is a packed triangle. */
        const size_t diagonal = D + d * (d + 3) / 2;
        const double *m = pair->values + 2 * d, *c = pair->values + 2 * diagonal;
        const double mean = stats->values[d], variance = stats->values[diagonal];
        const double h = (m[0] - m[1]) / 2, total = (c[0] + c[1]) / 2 + h * h;
        ck_assert_double_eq_tol((m[0] + m[1]) / 2, mean, 1e-14);
        ck_assert(total > 0.999999 * variance && total < 1.0401 * variance);
        ck_assert(c[0] > 0 && c[1] > 0);
    }
    stats_destroy(&stats);
    stats_destroy(&pair);
    mix_model_destroy(&model);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {it_leaves_a_local_maximum, MIX_COVARIANCES},
        UNIT(a_good_model_stays_as_it_is),
        UNIT(slices_change_no_bit),
        UNIT(one_component_has_nothing_to_merge),
        UNIT(changes_are_differences_of_likelihoods),
        {halves_keep_the_moments, FAMILY_CUTS},
    };
    return unit_run("splitmerge", tests, COUNT(tests));
}
