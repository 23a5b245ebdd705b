/* SPDX-License-Identifier: MIT
 *
 * What models, statistics and sums of one mixture agree in: its fields, components and
 * families, and how many numbers each of them holds.
 */
#ifndef SHAPE_H
#define SHAPE_H

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

/* The shape that the options ask for: one gaussian factor over all fields, or a factor
 * for each run of fields of one family. In such a product gaussian fields are
 * independent, too. */
struct shape shape_of(const struct mix_options *options);

/* Bytes of a shape with the factors that there are. */
size_t shape_bytes(const struct shape *shape);
/* dst <- src, with the factors that there are. */
void shape_assign(struct shape *dst, const struct shape *src);
/* Whether models of one may be used as those of the other. */
bool shape_is_same(const struct shape *a, const struct shape *b);
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

#endif
