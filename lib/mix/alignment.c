/* SPDX-License-Identifier: MIT */
#include "alignment.h"

#include <math.h>
#include <stdlib.h>

#include "noise.h"

/* Points drawn from each of the two. */
#define DRAWS 4096
/* So many that noise gets nothing beyond its share. */
#define POINTS_MANY 1e15

/* Both lists of points in one. */
static struct points *join(struct points *const lists[2])
{
    struct points *all = points_new(points_dimensions(lists[0]), 2 * DRAWS);
    double x[MIX_DIMENSIONS_MAX];
    const struct mix_rows row = {.x = x, .n = 1, .stride = MIX_DIMENSIONS_MAX};
    for (size_t i = 0; all != NULL && i < 2 * DRAWS; i++) {
        points_get(lists[i % 2], i / 2, x, NULL, NULL);
        points_append(all, &row, 0, 1);
    }
    return all;
}

struct alignment *alignment_new(const struct mix_model *a, const struct mix_model *b,
                                double share)
{
    struct alignment *alignment = calloc(1, sizeof(*alignment));
    if (alignment == NULL) {
        return NULL;
    }
    const bool is_matched = a->shape.components <= MATCH_MAX;
    alignment->share = share;
    alignment->points[0] = model_draw(a, DRAWS);
    alignment->points[1] = model_draw(b, DRAWS);
    if (alignment->points[0] != NULL && alignment->points[1] != NULL) {
        alignment->together = join(alignment->points);
    }
    if (alignment->together != NULL && is_matched) {
        alignment->match = match_new(a, b, alignment->together);
    }
    if (alignment->together == NULL || (is_matched && alignment->match == NULL)) {
        alignment_destroy(&alignment);
    }
    return alignment;
}

void alignment_destroy(struct alignment **alignment)
{
    if (*alignment != NULL) {
        points_destroy(&(*alignment)->points[0]);
        points_destroy(&(*alignment)->points[1]);
        points_destroy(&(*alignment)->together);
        match_destroy(&(*alignment)->match);
        free(*alignment);
        *alignment = NULL;
    }
}

/* Whether two shapes have the same numbers in the same places. */
static bool is_possible(const struct shape *a, const struct shape *b)
{
    bool are_same = a->dimensions == b->dimensions && a->components == b->components &&
                    a->has_noise == b->has_noise && a->n_factors == b->n_factors;
    for (size_t i = 0; are_same && i < a->n_factors; i++) {
        const struct factor *f = &a->factors[i], *g = &b->factors[i];
        are_same = f->family == g->family && f->dimensions == g->dimensions &&
                   f->covariance == g->covariance && f->categories == g->categories;
    }
    return are_same;
}

void alignment_merge(const struct alignment *alignment, struct stats *a,
                     const struct stats *b, struct stats *scratch,
                     const struct shape *shape)
{
    stats_assign(scratch, b, shape);
    for (size_t k = 0; alignment->match != NULL && k < shape->components; k++) {
        stats_place(scratch, shape, k, b, shape, alignment->match->partner[k]);
    }
    stats_merge(a, scratch, shape, alignment->share);
}

/* ---- Loss ---------------------------------------------------------------- */

/* log((1 - g) e^a + g e^b) */
static double log_mean(double a, double b, double g)
{
    const double high = a > b ? a : b;
    return isfinite(high) ? high + log((1 - g) * exp(a - high) + g * exp(b - high))
                          : high;
}

/* Mean of log p - log p_merged over points. */
static double mean_loss(const struct points *points, double g,
                        const struct mix_model *const models[3], struct estep *estep[3])
{
    double sum = 0;
    for (size_t j = 0; j < points_blocks(points); j++) {
        const struct block *block = points_block(points, j);
        for (size_t m = 0; m < 3; m++) {
            estep_density(estep[m], models[m], block);
        }
        for (size_t i = 0; i < block->n; i++) {
            sum += log_mean(estep[0]->log_density[i], estep[1]->log_density[i], g) -
                   estep[2]->log_density[i];
        }
    }
    return sum / (double)points_count(points);
}

bool alignment_loss(const struct alignment *alignment, const struct mix_model *a,
                    const struct mix_model *b, const struct mix_model *merged,
                    double *loss)
{
    const struct mix_model *const models[3] = {a, b, merged};
    const double g = alignment->share;
    struct estep *estep[3];
    bool is_there = true;
    for (size_t m = 0; m < 3; m++) {
        estep[m] = estep_new(&models[m]->shape);
        is_there = is_there && estep[m] != NULL;
    }
    if (is_there) {
        const double estimate =
            (1 - g) * mean_loss(alignment->points[0], g, models, estep) +
            g * mean_loss(alignment->points[1], g, models, estep);
        *loss = estimate < 0 ? 0 : estimate; /* no divergence is less */
    }
    for (size_t m = 0; m < 3; m++) {
        estep_destroy(&estep[m]);
    }
    return is_there;
}

/* ---- Models -------------------------------------------------------------- */

/* M-step without a prior: statistics and parameters say the same. */
static enum mix_err make(const struct stats *stats, struct mix_model *model)
{
    /* No more than keeps a root in range; parameters have no smaller variance. */
    double smallest[MIX_DIMENSIONS_MAX];
    for (size_t d = 0; d < model->shape.dimensions; d++) {
        smallest[d] = 1e-280;
    }
    const struct prior prior = {.nu0 = 0, .s0 = smallest, .vf = smallest};
    return stats_mstep(stats, POINTS_MANY, &prior, model, NULL);
}

static enum mix_err merge_models(const struct mix_model *b, double share,
                                 struct mix_model *merged, double *loss)
{
    const struct shape *shape = &b->shape;
    struct mix_model *a = mix_model_copy(merged);
    struct alignment *alignment = alignment_new(merged, b, share);
    struct stats *stats[3] = {stats_new(shape), stats_new(shape), stats_new(shape)};
    enum mix_err err = MIX_ENOMEM;
    if (a != NULL && alignment != NULL && stats[0] != NULL && stats[1] != NULL &&
        stats[2] != NULL && (!shape->has_noise || noise_unite(merged, b, share))) {
        stats_of_model(stats[0], a);
        stats_of_model(stats[1], b);
        alignment_merge(alignment, stats[0], stats[1], stats[2], shape);
        err = make(stats[0], merged);
    }
    if (err == MIX_OK && loss != NULL && !alignment_loss(alignment, a, b, merged, loss)) {
        err = MIX_ENOMEM;
    }
    for (size_t i = 0; i < 3; i++) {
        stats_destroy(&stats[i]);
    }
    alignment_destroy(&alignment);
    mix_model_destroy(&a);
    return err;
}

static bool is_weight(double points)
{
    return points >= 0 && points <= 1e300;
}

struct mix_model *mix_model_merge(const struct mix_model *a, double points_a,
                                  const struct mix_model *b, double points_b,
                                  double *loss, enum mix_err *err)
{
    const double points = points_a + points_b;
    struct mix_model *merged = NULL;
    enum mix_err result = MIX_ENOMEM;
    if (!is_possible(&a->shape, &b->shape)) {
        result = MIX_ESIZE;
    } else if (!is_weight(points_a) || !is_weight(points_b) || !(points > 0)) {
        result = MIX_EVALUE;
    } else {
        merged = mix_model_copy(a);
    }
    if (merged != NULL) {
        result = merge_models(b, points_b / points, merged, loss);
    }
    if (result != MIX_OK) {
        mix_model_destroy(&merged);
    }
    if (err != NULL) {
        *err = result;
    }
    return merged;
}
