/* SPDX-License-Identifier: MIT
 *
 * Models: parameters, what is derived from them, and what users ask of them. */
#include "model.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "estep.h"
#include "field.h"
#include "gaussian.h"
#include "kernel.h"

/* A value larger than this squares to infinity soon: refused everywhere. A variance, or
 * the scale of a gamma, may be as large as its square. */
#define VALUE_MAX 1e150
#define PARAMETER_MAX (16 * VALUE_MAX * VALUE_MAX)
#define WEIGHT_SUM_ERROR 1e-9

static size_t shape_bytes(const struct shape *shape)
{
    return offsetof(struct shape, factors) + shape->n_factors * sizeof(struct factor);
}

void shape_assign(struct shape *dst, const struct shape *src)
{
    memcpy(dst, src, shape_bytes(src));
}

struct shape shape_resize(const struct shape *shape, size_t components)
{
    struct shape other;
    shape_assign(&other, shape);
    other.components = components;
    other.param_size = other.cache_size = other.stats_size = other.sums_size = 0;
    other.scratch_size = 0;
    other.has_noise = false;
    for (size_t i = 0; i < other.n_factors; i++) {
        struct factor *f = &other.factors[i];
        f->components = components;
        other.param_size += f->family->param_size(f);
        other.cache_size += f->family->cache_size(f);
        other.stats_size += f->family->stats_size(f);
        other.sums_size += f->family->sums_size(f);
        const size_t scratch = f->family->scratch_size(f);
        other.scratch_size = scratch > other.scratch_size ? scratch : other.scratch_size;
    }
    return other;
}

struct shape shape_of_noise(const struct shape *shape)
{
    struct shape diagonal;
    shape_assign(&diagonal, shape);
    for (size_t i = 0; i < diagonal.n_factors; i++) {
        diagonal.factors[i].covariance = MIX_DIAG;
        diagonal.factors[i].family = family_of_noise(diagonal.factors[i].family->id);
    }
    return shape_resize(&diagonal, 1);
}

static bool is_joint(const struct mix_options *options)
{
    for (size_t d = 0; d < options->dimensions; d++) {
        if (mix_options_family(options, d) != MIX_GAUSSIAN) {
            return false;
        }
    }
    return true;
}

struct shape shape_of(const struct mix_options *options)
{
    struct shape shape = {.dimensions = options->dimensions, .n_factors = 0};
    const bool is_product = !is_joint(options);
    shape.has_offset = is_product;
    for (size_t d = 0; d < options->dimensions; d++) {
        const struct family *family = family_of(mix_options_family(options, d));
        struct factor *last = &shape.factors[shape.n_factors];
        if (d > 0 && last[-1].family == family) {
            last[-1].dimensions++;
            continue;
        }
        *last = (struct factor){.family = family,
                                .dimensions = 1,
                                .first = d,
                                .covariance = is_product ? MIX_DIAG : options->covariance,
                                .categories = options->categories};
        shape.n_factors++;
    }
    shape = shape_resize(&shape, options->components);
    shape.has_noise = options->noise;
    return shape;
}

double model_step(const struct mix_options *options, size_t d)
{
    const struct field_form *form = family_of(mix_options_family(options, d))->form;
    if (options->resolution != NULL) {
        return options->resolution[d];
    }
    return form != NULL && form->is_discrete ? 1 : (double)NAN;
}

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

enum mix_err model_mend(struct mix_model *model)
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

void model_assign(struct mix_model *dst, const struct mix_model *src)
{
    const struct shape *shape = &src->shape;
    const size_t n = 2 * shape->components + shape->param_size + shape->cache_size;
    memcpy(dst->weights, src->weights, n * sizeof(double));
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

/* ---- From parameters ----------------------------------------------------- */

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

/* ---- What there is to know ----------------------------------------------- */

enum mix_family mix_model_family(const struct mix_model *model, size_t d)
{
    double *param;
    return find_factor(model, &d, &param)->family->id;
}

bool mix_model_is_gaussian(const struct mix_model *model)
{
    return model->shape.n_factors == 1 &&
           model->shape.factors[0].family->id == MIX_GAUSSIAN;
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

size_t shape_parameters(const struct shape *shape)
{
    size_t n = shape->components - 1 + shape->has_noise;
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        n += f->family->parameters(f);
    }
    return n;
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
