/* SPDX-License-Identifier: MIT
 *
 * Models from parameters, and their parameters field by field. */
#include <math.h>
#include <string.h>

#include "field.h"
#include "model.h"

/* A value larger than this squares to infinity soon: refused everywhere. A variance, or
 * the scale of a gamma, may be as large as its square. */
#define VALUE_MAX 1e150
#define PARAMETER_MAX (16 * VALUE_MAX * VALUE_MAX)
#define WEIGHT_SUM_ERROR 1e-9

static bool are_within(const double *x, size_t n, double limit)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(x[i]) <= limit)) {
            return false;
        }
    }
    return true;
}

static bool are_weights(const double *weights, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0 && weights[i] <= 1)) {
            return false;
        }
        sum += weights[i];
    }
    return fabs(sum - 1) <= WEIGHT_SUM_ERROR;
}

/* True if full and tied covariances are symmetric to rounding and finite. */
static bool are_covariances(const struct mix_model *model)
{
    const size_t dims = model->shape.dimensions;
    const size_t size = mix_model_covariance_size(model);
    const double *cov = mix_model_covariances(model);
    const enum mix_covariance type = mix_model_covariance(model);
    for (size_t i = 0; i < size; i++) {
        if (!(fabs(cov[i]) < (double)INFINITY)) {
            return false;
        }
    }
    for (size_t at = 0; (type == MIX_FULL || type == MIX_TIED) && at < size; at++) {
        const size_t i = at / dims % dims, j = at % dims, first = at - i * dims - j;
        const double scale =
            sqrt(cov[first + i * dims + i]) * sqrt(cov[first + j * dims + j]);
        if (!(fabs(cov[at] - cov[first + j * dims + i]) <= 1e-9 * scale) ||
            !(fabs(cov[at]) <= scale * (1 + 1e-9))) {
            return false;
        }
    }
    return true;
}

struct mix_model *mix_model_new(size_t dimensions, size_t components,
                                enum mix_covariance covariance, const double *weights,
                                const double *means, const double *covariances,
                                enum mix_err *err)
{
    struct mix_options options;
    struct mix_model *model = NULL;
    mix_options_init(&options, dimensions, components);
    options.covariance = covariance;
    enum mix_err result = mix_options_check(&options, NULL);
    if (result != MIX_OK) {
        result = MIX_ESIZE;
        goto out;
    }
    const struct shape shape = shape_of(&options);
    model = model_new(&shape);
    if (model == NULL) {
        result = MIX_ENOMEM;
        goto out;
    }
    const size_t n_means = components * dimensions;
    memcpy(model->weights, weights, components * sizeof(double));
    memcpy(model->param, means, n_means * sizeof(double));
    memcpy(model->param + n_means, covariances,
           mix_model_covariance_size(model) * sizeof(double));
    if (!are_weights(weights, components) || !are_within(means, n_means, VALUE_MAX)) {
        result = MIX_EVALUE;
    } else if (!are_covariances(model)) {
        result = MIX_ECOVARIANCE;
    } else {
        result = model_prepare(model);
    }
out:
    if (result != MIX_OK) {
        mix_model_destroy(&model);
    }
    if (err != NULL) {
        *err = result;
    }
    return model;
}

/* Numbers of parameter i of a field of this factor. */
static size_t parameter_size(const struct factor *f, size_t i)
{
    return f->family->form != NULL ? field_width(f, i) : i < 2 ? 1 : 0;
}

/* Where parameter i, of one number, of field d stands for component k in a diagonal
 * gaussian factor: mean or variance. */
static size_t place_of(const struct factor *f, size_t d, size_t i, size_t k)
{
    return i * f->components * f->dimensions + k * f->dimensions + d;
}

static void set_parameter(const struct factor *f, double *param, size_t d, size_t i,
                          const double *values)
{
    if (f->family->form != NULL) {
        field_set(f, param, d, i, values);
        return;
    }
    for (size_t k = 0; k < f->components; k++) {
        param[place_of(f, d, i, k)] = values[k];
    }
}

/* The factor that has field d and its parameters; d becomes the field within it. */
static const struct factor *find_factor(const struct mix_model *model, size_t *d,
                                        double **param)
{
    const struct factor *f = model->shape.factors;
    for (*param = model->param; *d >= f->first + f->dimensions; f++) {
        *param += f->family->param_size(f);
    }
    *d -= f->first;
    return f;
}

static enum mix_err fill(struct mix_model *model, const double *weights,
                         const double *parameters)
{
    const size_t components = model->shape.components;
    memcpy(model->weights, weights, components * sizeof(*weights));
    for (size_t field = 0; field < model->shape.dimensions; field++) {
        size_t d = field, size;
        double *param;
        const struct factor *f = find_factor(model, &d, &param);
        for (size_t i = 0; (size = parameter_size(f, i)) > 0; i++) {
            set_parameter(f, param, d, i, parameters);
            parameters += components * size;
        }
    }
    if (!are_weights(weights, components) ||
        !are_within(model->param, model->shape.param_size, PARAMETER_MAX)) {
        return MIX_EVALUE;
    }
    return model_prepare(model);
}

struct mix_model *mix_model_make(const struct mix_options *options, const double *weights,
                                 const double *parameters, enum mix_err *err)
{
    struct mix_options diagonal = *options;
    struct mix_model *model = NULL;
    diagonal.covariance = MIX_DIAG;
    enum mix_err result =
        mix_options_check(&diagonal, NULL) == MIX_OK ? MIX_ENOMEM : MIX_ESIZE;
    if (result == MIX_ENOMEM) {
        const struct shape shape = shape_of(&diagonal);
        model = model_new(&shape);
    }
    if (model != NULL) {
        result = fill(model, weights, parameters);
    }
    if (result != MIX_OK) {
        mix_model_destroy(&model);
    }
    if (err != NULL) {
        *err = result;
    }
    return model;
}

/* Whether noise is of the families that the noise of a model has. */
static bool is_noise_of(const struct mix_model *noise, const struct mix_model *model)
{
    const struct shape wanted = shape_of_noise(&model->shape);
    const struct shape *shape = &noise->shape;
    bool is_same = shape->components == 1 && !shape->has_noise &&
                   shape->dimensions == wanted.dimensions &&
                   shape->n_factors == wanted.n_factors;
    for (size_t i = 0; is_same && i < wanted.n_factors; i++) {
        const struct factor *f = &shape->factors[i], *g = &wanted.factors[i];
        is_same = f->family->id == g->family->id && f->dimensions == g->dimensions &&
                  f->covariance == g->covariance &&
                  (f->family->id != MIX_CATEGORICAL || f->categories == g->categories);
    }
    return is_same;
}

struct mix_model *mix_model_with_noise(const struct mix_model *model,
                                       const struct mix_model *noise,
                                       const double *weights, enum mix_err *err)
{
    const size_t components = model->shape.components;
    struct mix_model *both = NULL;
    enum mix_err result = MIX_ESIZE;
    if (is_noise_of(noise, model)) {
        struct shape shape = shape_resize(&model->shape, components);
        shape.has_noise = true;
        both = model_new(&shape);
        result = both == NULL ? MIX_ENOMEM : MIX_OK;
    }
    if (both != NULL) {
        model_assign(both, model);
        model_assign(both->noise, noise);
        memcpy(both->weights, weights, components * sizeof(*weights));
        both->noise->weights[0] = weights[components];
        result = are_weights(weights, components + 1) ? model_prepare(both) : MIX_EVALUE;
    }
    if (result != MIX_OK) {
        mix_model_destroy(&both);
    }
    if (err != NULL) {
        *err = result;
    }
    return both;
}

enum mix_family mix_model_family(const struct mix_model *model, size_t d)
{
    double *param;
    return find_factor(model, &d, &param)->family->id;
}

size_t mix_model_parameter_size(const struct mix_model *model, size_t d, size_t i)
{
    double *param;
    return parameter_size(find_factor(model, &d, &param), i);
}

void mix_model_parameter(const struct mix_model *model, size_t d, size_t i, double *out)
{
    double *param;
    const struct factor *f = find_factor(model, &d, &param);
    if (f->family->form != NULL) {
        field_get(f, param, d, i, out);
        return;
    }
    for (size_t k = 0; k < f->components; k++) {
        out[k] = param[place_of(f, d, i, k)];
    }
}
