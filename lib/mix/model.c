/* SPDX-License-Identifier: MIT
 *
 * Models: memory, what is derived from the parameters, and plain questions. */
#include "model.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gaussian.h"
#include "kernel.h"

/* Noise with every number 0 for a model that has it. */
static bool add_noise(struct mix_model *model)
{
    if (model->shape.has_noise) {
        const struct shape shape = shape_of_noise(&model->shape);
        model->noise = model_new(&shape);
    }
    return model->noise != NULL || !model->shape.has_noise;
}

struct mix_model *model_new(const struct shape *shape)
{
    struct mix_model *model =
        calloc(1, offsetof(struct mix_model, shape) + shape_bytes(shape));
    const size_t k = shape->components;
    if (model == NULL) {
        return NULL;
    }
    shape_assign(&model->shape, shape);
    model->weights =
        calloc(2 * k + shape->param_size + shape->cache_size, sizeof(double));
    if (model->weights == NULL || !add_noise(model)) {
        mix_model_destroy(&model);
        return NULL;
    }
    model->log2_weights = model->weights + k;
    model->param = model->log2_weights + k;
    model->cache = model->param + shape->param_size;
    return model;
}

void mix_model_destroy(struct mix_model **model)
{
    if (*model != NULL) {
        mix_model_destroy(&(*model)->noise);
        free((*model)->weights);
        free(*model);
        *model = NULL;
    }
}

enum mix_err model_prepare(struct mix_model *model)
{
    const double *param = model->param;
    double *cache = model->cache;
    model->is_stale = false;
    kernel_current()->log2(model->weights, model->shape.components, model->log2_weights);
    for (size_t i = 0; i < model->shape.n_factors; i++) {
        const struct factor *f = &model->shape.factors[i];
        const enum mix_err err = f->family->prepare(f, param, cache);
        if (err != MIX_OK) {
            return err;
        }
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
    }
    return model->noise != NULL ? model_prepare(model->noise) : MIX_OK;
}

static enum mix_err mend(struct mix_model *model)
{
    double *param = model->param;
    for (size_t i = 0; i < model->shape.n_factors; i++) {
        const struct factor *f = &model->shape.factors[i];
        if (f->family->form == NULL) {
            gaussian_mend(f, param);
        }
        param += f->family->param_size(f);
    }
    return model_prepare(model);
}

enum mix_err model_settle(struct mix_model *model)
{
    if (!model->is_stale) {
        return MIX_OK;
    }
    const enum mix_err err = model_prepare(model);
    return err == MIX_ECOVARIANCE ? mend(model) : err;
}

void model_assign(struct mix_model *dst, const struct mix_model *src)
{
    const struct shape *shape = &src->shape;
    const size_t n = 2 * shape->components + shape->param_size + shape->cache_size;
    memcpy(dst->weights, src->weights, n * sizeof(double));
    dst->is_stale = src->is_stale;
    if (dst->noise != NULL && src->noise != NULL) {
        model_assign(dst->noise, src->noise);
    } else if (dst->noise != NULL) {
        dst->noise->weights[0] = 0;
        dst->noise->log2_weights[0] = -(double)INFINITY;
    }
}

struct mix_model *mix_model_copy(const struct mix_model *model)
{
    struct mix_model *copy = model_new(&model->shape);
    if (copy != NULL) {
        model_assign(copy, model);
    }
    return copy;
}

bool mix_model_is_gaussian(const struct mix_model *model)
{
    return model->shape.n_factors == 1 &&
           model->shape.factors[0].family->id == MIX_GAUSSIAN;
}

size_t mix_model_dimensions(const struct mix_model *model)
{
    return model->shape.dimensions;
}

size_t mix_model_components(const struct mix_model *model)
{
    return model->shape.components;
}

enum mix_covariance mix_model_covariance(const struct mix_model *model)
{
    return model->shape.factors[0].covariance;
}

size_t mix_model_parameters(const struct mix_model *model)
{
    return shape_parameters(&model->shape);
}

const struct mix_model *mix_model_noise(const struct mix_model *model)
{
    return model->noise;
}

const double *mix_model_weights(const struct mix_model *model)
{
    return model->weights;
}

const double *mix_model_means(const struct mix_model *model)
{
    return mix_model_is_gaussian(model) ? model->param : NULL;
}

const double *mix_model_covariances(const struct mix_model *model)
{
    const size_t n_means = model->shape.components * model->shape.dimensions;
    return mix_model_is_gaussian(model) ? model->param + n_means : NULL;
}

size_t mix_model_covariance_size(const struct mix_model *model)
{
    const size_t n_means = model->shape.components * model->shape.dimensions;
    return mix_model_is_gaussian(model) ? model->shape.param_size - n_means : 0;
}
