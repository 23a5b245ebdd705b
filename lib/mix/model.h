/* SPDX-License-Identifier: MIT
 *
 * Inside of a model: what the E-step reads and the M-step writes. The public face is
 * in mix.h.
 */
#ifndef MODEL_H
#define MODEL_H

#include "family.h"
#include "mix.h"

/* In a product every field may be a factor of its own. */
#define MODEL_FACTORS_MAX MIX_DIMENSIONS_MAX

/* The form of a mixture: what every model, statistics and sums of it agree in. */
struct shape {
    size_t dimensions;                                    /* D */
    size_t components;                                    /* K */
    size_t param_size, cache_size, stats_size, sums_size; /* summed over the factors */
    size_t scratch_size;                                  /* the largest of them */
    bool has_offset; /* densities have a part that differs by point: not all gaussian */
    bool has_noise;  /* beside the components there is noise */
    size_t n_factors;
    /* The last ones are not there in a shape that belongs to a model: nearly all models
     * have one factor, and there may be many models. Never assign one shape to another.
     */
    struct factor factors[MODEL_FACTORS_MAX];
};

struct mix_model {
    struct mix_model *noise; /* one broad component that stays as it is but for its weight;
                                NULL: none (noise.h) */
    double *weights;      /* K, sum to 1 with that of the noise */
    double *log2_weights; /* K, bits; -inf for weight 0 */
    double *param;        /* param_size: factor after factor */
    double *cache;        /* cache_size: factor after factor */
    struct shape shape;   /* last, and cut off behind its factors */
};

/* The shape that the options ask for: one gaussian factor over all fields, or a factor
 * for each run of fields of one family. In such a product gaussian fields are
 * independent, too. */
struct shape shape_of(const struct mix_options *options);

/* dst <- src, with the factors that there are. */
void shape_assign(struct shape *dst, const struct shape *src);
/* The same shape with another number of components, and without noise. */
struct shape shape_resize(const struct shape *shape, size_t components);
/* That of the noise: one component of the same families, its gaussians diagonal. */
struct shape shape_of_noise(const struct shape *shape);
/* Columns of responsibilities: the components, and the noise last. */
static inline size_t shape_columns(const struct shape *shape)
{
    return shape->components + shape->has_noise;
}

/* Free parameters of models of that shape. */
size_t shape_parameters(const struct shape *shape);

/* A model of that shape with every number 0. NULL without memory. */
struct mix_model *model_new(const struct shape *shape);
/* Derives log2_weights and cache after weights or param were written. */
enum mix_err model_prepare(struct mix_model *model);
/* For a covariance that is not positive definite after an M-step: gives up what rounding
 * has left of it, and prepares again. */
enum mix_err model_mend(struct mix_model *model);
/* What the prior of each field is the geometric mean of (family.h). mean: D. */
void model_spread(const struct mix_model *model, size_t k, const double *mean,
                  double *spread);
/* n points drawn from a model. NULL without memory. */
struct points *model_draw(const struct mix_model *model, size_t n);
/* The smallest step of field d that is known beforehand, NaN: none. */
double model_step(const struct mix_options *options, size_t d);
/* dst <- src, same shape, no allocation. Where only dst has noise it keeps it, of weight
 * 0. */
void model_assign(struct mix_model *dst, const struct mix_model *src);
/* Weight of the noise; 0: none. */
static inline double model_noise_weight(const struct mix_model *model)
{
    return model->noise != NULL ? model->noise->weights[0] : 0;
}
/* Weight of component k, or with k = K of the noise. */
static inline double model_weight(const struct mix_model *model, size_t k)
{
    return k < model->shape.components ? model->weights[k] : model->noise->weights[0];
}

#endif
