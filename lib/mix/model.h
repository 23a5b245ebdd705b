/* SPDX-License-Identifier: MIT
 *
 * Inside of a model: what the E-step reads and the M-step writes. The public face is
 * in mix.h.
 */
#ifndef MODEL_H
#define MODEL_H

#include "mix.h"
#include "shape.h"

struct mix_model {
    struct mix_model *noise; /* one broad component that stays as it is but for its
                                weight; NULL: none (noise.h) */
    double *weights;         /* K, sum to 1 with that of the noise */
    double *log2_weights;    /* K, bits; -inf for weight 0 */
    double *param;           /* param_size: factor after factor */
    double *cache;           /* cache_size: factor after factor */
    bool is_stale;           /* log2_weights and cache belong to other weights and param */
    struct shape shape;      /* last, and cut off behind its factors */
};

/* A model of that shape with every number 0. NULL without memory. */
struct mix_model *model_new(const struct shape *shape);
/* Derives log2_weights and cache after weights or param were written. */
enum mix_err model_prepare(struct mix_model *model);
/* Prepares a stale model after an M-step. Where a covariance is not positive definite,
 * what rounding has left of it is given up. */
enum mix_err model_settle(struct mix_model *model);
/* What the prior of each field is the geometric mean of (family.h). mean: D. */
void model_spread(const struct mix_model *model, size_t k, const double *mean,
                  double *spread);
/* n points drawn from a model. NULL without memory. */
struct points *model_draw(const struct mix_model *model, size_t n);
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
