/* SPDX-License-Identifier: MIT
 *
 * Centred stepwise EM. With g the step, r = N/W of a block of weight W, F its sum about
 * mu_k, and V = Q/N its covariance about its own mean:
 *
 *     rho' = (1-g) rho + g r,  a = g r / rho',  delta = F/N + (mu_k - m)
 *     m'   = m + a delta
 *     C'   = (1-a) C + a V + a (1-a) delta delta'
 *
 * This is the recursion s <- (1-g) s + g s(block) on raw moments s0, s1, s2, written
 * in rho = s0, m = s1/s0, C = s2/s0 - m m'. Proof: (1-g) s0/s0' = 1-a, so m' = (1-a) m
 * + a xbar. s2'/s0' = (1-a)(C + m m') + a (V + xbar xbar') with
 * xbar = mu_k + F/N. Subtract m' m'': what remains of the products is
 * a (1-a)(xbar-m)(xbar-m)'. C' is a convex combination of
 * positive semidefinite matrices plus one of rank one: nothing cancels. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct stats *stats_new(const struct shape *shape)
{
    struct stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL) {
        return NULL;
    }
    stats->rho = calloc(2 * shape->components + shape->stats_size, sizeof(double));
    if (stats->rho == NULL) {
        free(stats);
        return NULL;
    }
    stats->values = stats->rho + shape->components;
    stats->share = stats->values + shape->stats_size;
    return stats;
}

void stats_destroy(struct stats **stats)
{
    if (*stats != NULL) {
        free((*stats)->rho);
        free(*stats);
        *stats = NULL;
    }
}

void stats_clear(struct stats *stats, const struct shape *shape)
{
    memset(stats->rho, 0, (shape->components + shape->stats_size) * sizeof(double));
    stats->noise = 0;
}

void stats_assign(struct stats *dst, const struct stats *src, const struct shape *shape)
{
    memcpy(dst->rho, src->rho, (shape->components + shape->stats_size) * sizeof(double));
    dst->noise = src->noise;
}

void stats_of_model(struct stats *stats, const struct mix_model *model)
{
    const struct shape *shape = &model->shape;
    const double *param = model->param;
    double *values = stats->values;
    memcpy(stats->rho, model->weights, shape->components * sizeof(double));
    stats->noise = model_noise_weight(model);
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        f->family->invert(f, param, values);
        param += f->family->param_size(f);
        values += f->family->stats_size(f);
    }
}

void stats_place(struct stats *dst, const struct shape *dst_shape, size_t k,
                 const struct stats *src, const struct shape *src_shape, size_t from_k)
{
    double *values = dst->values;
    const double *from = src->values;
    dst->rho[k] = src->rho[from_k];
    for (size_t i = 0; i < dst_shape->n_factors; i++) {
        const struct factor *f = &dst_shape->factors[i], *g = &src_shape->factors[i];
        f->family->place(f, values, k, g, from, from_k);
        values += f->family->stats_size(f);
        from += g->family->stats_size(g);
    }
}

void stats_split(const struct stats *stats, const struct shape *shape, size_t k,
                 enum family_cut cut, const double *s0, struct stats *pair)
{
    const double *values = stats->values;
    double *out = pair->values;
    pair->rho[0] = pair->rho[1] = stats->rho[k] / 2;
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        struct factor two = *f;
        two.components = 2;
        f->family->split(f, values, k, cut, s0 + f->first, out);
        values += f->family->stats_size(f);
        out += f->family->stats_size(&two);
    }
}

void stats_blend(struct stats *stats, const struct mix_model *model,
                 const struct sums *sums, double gamma)
{
    const struct shape *shape = &model->shape;
    const double *param = model->param, *sum = sums->values;
    double *values = stats->values;
    if (!(sums->weight > 0)) {
        return;
    }
    for (size_t k = 0; k < shape->components; k++) {
        const double part = gamma * (sums->mass[k] / sums->weight);
        stats->rho[k] = (1 - gamma) * stats->rho[k] + part;
        stats->share[k] = stats->rho[k] > 0 ? part / stats->rho[k] : 0;
    }
    stats->noise = (1 - gamma) * stats->noise + gamma * (sums->noise / sums->weight);
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        f->family->blend(f, values, param, stats->share, sums->mass, sum);
        values += f->family->stats_size(f);
        param += f->family->param_size(f);
        sum += f->family->sums_size(f);
    }
}

void stats_merge(struct stats *dst, const struct stats *src, const struct shape *shape,
                 double gamma)
{
    double *values = dst->values;
    const double *other = src->values;
    for (size_t k = 0; k < shape->components; k++) {
        const double part = gamma * src->rho[k];
        dst->rho[k] = (1 - gamma) * dst->rho[k] + part;
        dst->share[k] = dst->rho[k] > 0 ? part / dst->rho[k] : 0;
    }
    dst->noise = (1 - gamma) * dst->noise + gamma * src->noise;
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        f->family->merge(f, values, dst->share, other);
        values += f->family->stats_size(f);
        other += f->family->stats_size(f);
    }
}

size_t stats_maximise(const struct stats *stats, double points, const struct prior *prior,
                      struct mix_model *model)
{
    const struct shape *shape = &model->shape;
    const double *values = stats->values;
    double *param = model->param;
    const double noise = model->noise != NULL ? stats->noise + 1 / (points + 2) : 0;
    double total = noise;
    size_t count = 0;
    for (size_t k = 0; k < shape->components; k++) {
        total += stats->rho[k];
    }
    for (size_t k = 0; k < shape->components; k++) {
        model->weights[k] = stats->rho[k] / total;
        stats->share[k] = points * stats->rho[k];
    }
    if (model->noise != NULL) {
        model->noise->weights[0] = noise / total;
    }
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        const struct prior own = {.nu0 = prior->nu0,
                                  .s0 = prior->s0 + f->first,
                                  .vf = prior->vf + f->first,
                                  .mean = prior->mean != NULL ? prior->mean + f->first
                                                              : NULL};
        count += f->family->mstep(f, values, stats->share, &own, param);
        values += f->family->stats_size(f);
        param += f->family->param_size(f);
    }
    model->is_stale = true;
    return count;
}

enum mix_err stats_mstep(const struct stats *stats, double points,
                         const struct prior *prior, struct mix_model *model,
                         size_t *floored)
{
    const size_t count = stats_maximise(stats, points, prior, model);
    if (floored != NULL) {
        *floored = count;
    }
    return model_settle(model);
}
