/* SPDX-License-Identifier: MIT
 *
 * Marginals, conditionals and regression: what a mixture says of some fields when others
 * are known. Components stay what they are: given the values seen, component k has its
 * responsibility as weight and its own conditional density (H. G. Sung, Gaussian mixture
 * regression and classification, 2004, section 3.1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "summary.h"

/* The part of the fields that belongs to one factor, counted from its first. */
static struct family_fields fields_of(const struct family_fields *all,
                                      const struct factor *f)
{
    struct family_fields own = {.n_seen = 0};
    for (size_t a = 0; a < all->n_seen; a++) {
        if (all->seen[a] - f->first < f->dimensions) {
            own.seen[own.n_seen++] = all->seen[a] - f->first;
        }
    }
    for (size_t a = 0; a < all->n_wanted; a++) {
        if (all->wanted[a] - f->first < f->dimensions) {
            own.wanted[own.n_wanted++] = all->wanted[a] - f->first;
        }
    }
    return own;
}

/* The shape of a mixture over the wanted fields. */
static struct shape wanted_shape(const struct shape *shape,
                                 const struct family_fields *fields)
{
    struct shape wanted = {.has_offset = shape->has_offset};
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct family_fields own = fields_of(fields, &shape->factors[i]);
        if (own.n_wanted > 0) {
            struct factor *f = &wanted.factors[wanted.n_factors++];
            *f = shape->factors[i];
            f->first = wanted.dimensions;
            f->dimensions = own.n_wanted;
            wanted.dimensions += own.n_wanted;
        }
    }
    wanted = shape_resize(&wanted, shape->components);
    wanted.has_noise = shape->has_noise;
    return wanted;
}

/* Parameters of the wanted fields of every factor, one after the other; x: D. */
static enum mix_err derive(const struct mix_model *model, const struct shape *wanted,
                           const struct family_fields *fields, const double *x,
                           double *out)
{
    const double *param = model->param;
    const struct factor *out_f = wanted->factors;
    enum mix_err err = MIX_OK;
    for (size_t i = 0; err == MIX_OK && i < model->shape.n_factors; i++) {
        const struct factor *f = &model->shape.factors[i];
        const struct family_fields own = fields_of(fields, f);
        const size_t size = f->family->param_size(f);
        if (own.n_wanted == f->dimensions) {
            memcpy(out, param, size * sizeof(*out));
        } else if (own.n_wanted > 0) {
            err = f->family->derive(f, param, &own, x + f->first, out_f, out);
        }
        if (own.n_wanted > 0) {
            out += out_f->family->param_size(out_f);
            out_f++;
        }
        param += size;
    }
    return err;
}

/* Gaussian fields of a product stay factors of their own where what stood between them is
 * gone; all of them together are one diagonal gaussian, as mix_model_is_gaussian() has it. */
static bool is_apart(const struct shape *shape)
{
    bool is_gaussian = true;
    for (size_t i = 0; i < shape->n_factors; i++) {
        is_gaussian = is_gaussian && shape->factors[i].family->id == MIX_GAUSSIAN;
    }
    return is_gaussian && shape->n_factors > 1;
}

/* The diagonal gaussian of the same means and variances. */
static void join_params(const struct mix_model *apart, struct mix_model *joint)
{
    const size_t n = apart->shape.components, dims = apart->shape.dimensions;
    memcpy(joint->weights, apart->weights, n * sizeof(*joint->weights));
    for (size_t k = 0; k < n; k++) {
        mix_model_component(apart, k, joint->param + k * dims,
                            joint->param + (n + k) * dims);
    }
}

static enum mix_err join_gaussians(struct mix_model **model)
{
    struct mix_model *apart = *model;
    if (!is_apart(&apart->shape)) {
        return MIX_OK;
    }
    struct shape shape = {.dimensions = apart->shape.dimensions, .n_factors = 1};
    shape.factors[0] = apart->shape.factors[0];
    shape.factors[0].dimensions = shape.dimensions;
    shape.factors[0].first = 0;
    shape = shape_resize(&shape, apart->shape.components);
    shape.has_noise = apart->shape.has_noise;
    struct mix_model *joint = model_new(&shape);
    if (joint == NULL) {
        mix_model_destroy(model);
        return MIX_ENOMEM;
    }
    join_params(apart, joint);
    if (shape.has_noise) {
        join_params(apart->noise, joint->noise);
    }
    mix_model_destroy(model);
    *model = joint;
    return MIX_OK;
}

/* A mixture over the wanted fields, with these weights: of the components, then of the
 * noise. */
static enum mix_err derive_model(const struct mix_model *model,
                                 const struct family_fields *fields, const double *x,
                                 const double *weights, struct mix_model **out)
{
    const struct shape wanted = wanted_shape(&model->shape, fields);
    *out = model_new(&wanted);
    if (*out == NULL) {
        return MIX_ENOMEM;
    }
    memcpy((*out)->weights, weights, wanted.components * sizeof(*weights));
    enum mix_err err = derive(model, &wanted, fields, x, (*out)->param);
    if (err == MIX_OK && model->noise != NULL) {
        struct mix_model *noise = (*out)->noise;
        err = derive(model->noise, &noise->shape, fields, x, noise->param);
        noise->weights[0] = weights[wanted.components];
    }
    if (err == MIX_OK) {
        err = join_gaussians(out);
    }
    if (err == MIX_OK) {
        err = model_prepare(*out);
    }
    if (err != MIX_OK) {
        mix_model_destroy(out);
    }
    return err;
}

static struct mix_model *result(struct mix_model *model, enum mix_err outcome,
                                enum mix_err *err)
{
    if (err != NULL) {
        *err = outcome;
    }
    return model;
}

/* The weights of the components, and that of the noise. NULL without memory. */
static double *weights_of(const struct mix_model *model)
{
    const size_t columns = shape_columns(&model->shape);
    double *weights = malloc(columns * sizeof(*weights));
    for (size_t k = 0; weights != NULL && k < columns; k++) {
        weights[k] = model_weight(model, k);
    }
    return weights;
}

struct mix_model *mix_model_marginal(const struct mix_model *model, const size_t *fields,
                                     size_t n, enum mix_err *err)
{
    struct family_fields wanted = {.n_wanted = n};
    struct mix_model *marginal = NULL;
    bool is_good = n > 0 && n <= model->shape.dimensions;
    for (size_t a = 0; is_good && a < n; a++) {
        is_good =
            fields[a] < model->shape.dimensions && (a == 0 || fields[a] > fields[a - 1]);
        wanted.wanted[a] = fields[a];
    }
    const double x[MIX_DIMENSIONS_MAX] = {0};
    double *weights = is_good ? weights_of(model) : NULL;
    enum mix_err outcome = is_good ? MIX_ENOMEM : MIX_ESIZE;
    if (weights != NULL) {
        outcome = derive_model(model, &wanted, x, weights, &marginal);
    }
    free(weights);
    return result(marginal, outcome, err);
}

/* Which fields of a point are seen; the others are wanted. */
static struct family_fields fields_seen(const double *x, size_t dims)
{
    struct family_fields fields = {.n_seen = 0};
    for (size_t d = 0; d < dims; d++) {
        if (x[d] == x[d]) {
            fields.seen[fields.n_seen++] = d;
        } else {
            fields.wanted[fields.n_wanted++] = d;
        }
    }
    return fields;
}

/* The weights become those given what is seen of x. MIX_EVALUE: it has no density. */
static enum mix_err weigh_by(const struct mix_model *model, const double *x,
                             double *weights)
{
    const size_t n = model->shape.components;
    const struct mix_rows row = {.x = x, .n = 1, .stride = model->shape.dimensions};
    double log_density, sum = 0;
    enum mix_err err = mix_model_log_density(model, &row, &log_density);
    if (err == MIX_OK) {
        err = mix_model_responsibilities(model, &row, weights);
    }
    for (size_t k = 0; k < n; k++) {
        sum += weights[k];
    }
    if (model->noise != NULL) {
        weights[n] = fmax(1 - sum, 0);
    }
    return err == MIX_OK && !(log_density > -(double)INFINITY) ? MIX_EVALUE : err;
}

struct mix_model *mix_model_conditional(const struct mix_model *model, const double *x,
                                        enum mix_err *err)
{
    const struct family_fields fields = fields_seen(x, model->shape.dimensions);
    struct mix_model *conditional = NULL;
    if (fields.n_wanted == 0) {
        return result(NULL, MIX_ESIZE, err);
    }
    double *weights = weights_of(model);
    enum mix_err outcome = weights == NULL ? MIX_ENOMEM : MIX_OK;
    if (outcome == MIX_OK && fields.n_seen > 0) {
        outcome = weigh_by(model, x, weights);
    }
    if (outcome == MIX_OK) {
        outcome = derive_model(model, &fields, x, weights, &conditional);
    }
    free(weights);
    return result(conditional, outcome, err);
}

/* ---- Regression ---------------------------------------------------------- */

enum mix_err mix_model_predict(const struct mix_model *model, const double *x,
                               double *mean, double *variance)
{
    const size_t dims = model->shape.dimensions;
    const struct family_fields fields = fields_seen(x, dims);
    double wanted_mean[MIX_DIMENSIONS_MAX], wanted_variance[MIX_DIMENSIONS_MAX];
    enum mix_err err = MIX_OK;
    for (size_t d = 0; d < dims; d++) {
        mean[d] = x[d];
        variance[d] = 0;
    }
    if (fields.n_wanted == 0) {
        return MIX_OK;
    }
    struct mix_model *conditional = mix_model_conditional(model, x, &err);
    if (conditional == NULL) {
        return err;
    }
    summary_moments(conditional, wanted_mean, wanted_variance);
    for (size_t a = 0; a < fields.n_wanted; a++) {
        mean[fields.wanted[a]] = wanted_mean[a];
        variance[fields.wanted[a]] = wanted_variance[a];
    }
    mix_model_destroy(&conditional);
    return MIX_OK;
}
