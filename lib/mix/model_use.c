/* SPDX-License-Identifier: MIT
 *
 * What models are for: densities, responsibilities, samples, moments. */
#include <stdlib.h>
#include <string.h>

#include "estep.h"
#include "model.h"

/* What to do with block first..first+n of rows after its E-step. */
typedef void visit_fn(const struct mix_model *model, const struct estep *estep,
                      size_t first, size_t n, double *out);

static void visit_density(const struct mix_model *model, const struct estep *estep,
                          size_t first, size_t n, double *out)
{
    (void)model;
    memcpy(out + first, estep->log_density, n * sizeof(double));
}

static void visit_responsibilities(const struct mix_model *model,
                                   const struct estep *estep, size_t first, size_t n,
                                   double *out)
{
    const size_t components = model->shape.components;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < components; k++) {
            out[(first + i) * components + k] = estep->resp[k * BLOCK_POINTS + i];
        }
    }
}

static enum mix_err visit_rows(const struct mix_model *model, const struct mix_rows *rows,
                               visit_fn *visit, double *out)
{
    const struct mix_rows plain = {.x = rows->x, .n = rows->n, .stride = rows->stride};
    if (rows->stride < model->shape.dimensions) {
        return MIX_ESIZE;
    }
    struct points *points = points_new(model->shape.dimensions, BLOCK_POINTS);
    struct estep *estep = estep_new(&model->shape);
    const enum mix_err err = points == NULL || estep == NULL ? MIX_ENOMEM : MIX_OK;
    for (size_t first = 0; err == MIX_OK && first < rows->n; first += BLOCK_POINTS) {
        const size_t left = rows->n - first;
        const size_t n = left < BLOCK_POINTS ? left : BLOCK_POINTS;
        points_clear(points);
        points_append(points, &plain, first, n);
        estep_score(estep, model, points_block(points, 0));
        visit(model, estep, first, n, out);
    }
    points_destroy(&points);
    estep_destroy(&estep);
    return err;
}

enum mix_err mix_model_log_density(const struct mix_model *model,
                                   const struct mix_rows *rows, double *out)
{
    return visit_rows(model, rows, visit_density, out);
}

enum mix_err mix_model_responsibilities(const struct mix_model *model,
                                        const struct mix_rows *rows, double *out)
{
    return visit_rows(model, rows, visit_responsibilities, out);
}

static void sample_component(const struct mix_model *model, size_t k, struct rng *rng,
                             double *x)
{
    const double *param = model->param;
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->sample(f, param, k, rng, x + f->first);
        param += f->family->param_size(f);
    }
}

enum mix_err mix_model_sample(const struct mix_model *model, uint64_t seed, size_t n,
                              double *out)
{
    const size_t columns = shape_columns(&model->shape);
    for (size_t i = 0; i < n; i++) {
        struct rng rng = rng_at(seed, RNG_SAMPLE, i);
        double left = rng_uniform(&rng);
        size_t k = 0;
        while (k + 1 < columns && left >= model_weight(model, k)) {
            left -= model_weight(model, k++);
        }
        double *x = out + i * model->shape.dimensions;
        if (k < model->shape.components) {
            sample_component(model, k, &rng, x);
        } else {
            sample_component(model->noise, 0, &rng, x);
        }
    }
    return MIX_OK;
}

struct points *model_draw(const struct mix_model *model, size_t n)
{
    const size_t dims = mix_model_dimensions(model);
    double *x = malloc(n * dims * sizeof(*x));
    struct points *points = points_new(dims, n);
    const struct mix_rows rows = {.x = x, .n = n, .stride = dims};
    if (x != NULL && points != NULL && mix_model_sample(model, 1, n, x) == MIX_OK) {
        points_append(points, &rows, 0, n);
    } else {
        points_destroy(&points);
    }
    free(x);
    return points;
}

void mix_model_component(const struct mix_model *model, size_t k, double *mean,
                         double *variance)
{
    if (k == model->shape.components && model->noise != NULL) {
        model = model->noise;
        k = 0;
    }
    const double *param = model->param;
    for (size_t i = 0; i < model->shape.n_factors; i++) {
        const struct factor *f = &model->shape.factors[i];
        f->family->moments(f, param, k, mean + f->first, variance + f->first);
        param += f->family->param_size(f);
    }
}

void model_spread(const struct mix_model *model, size_t k, const double *mean,
                  double *spread)
{
    double unused[MIX_DIMENSIONS_MAX];
    const double *param = model->param;
    for (size_t i = 0; i < model->shape.n_factors; i++) {
        const struct factor *f = &model->shape.factors[i];
        if (f->family->spread != NULL) {
            f->family->spread(f, param, k, mean + f->first, spread + f->first);
        } else {
            f->family->moments(f, param, k, unused, spread + f->first);
        }
        param += f->family->param_size(f);
    }
}
