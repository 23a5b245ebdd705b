/* SPDX-License-Identifier: MIT
 *
 * Shapes: of options, of noise, resized. */
#include "shape.h"

#include <stddef.h>
#include <string.h>

size_t shape_bytes(const struct shape *shape)
{
    return offsetof(struct shape, factors) + shape->n_factors * sizeof(struct factor);
}

void shape_assign(struct shape *dst, const struct shape *src)
{
    memcpy(dst, src, shape_bytes(src));
}

static bool factor_is_same(const struct factor *a, const struct factor *b)
{
    return a->family == b->family && a->components == b->components &&
           a->dimensions == b->dimensions && a->first == b->first &&
           a->covariance == b->covariance && a->categories == b->categories;
}

bool shape_is_same(const struct shape *a, const struct shape *b)
{
    bool is_same = a->dimensions == b->dimensions && a->components == b->components &&
                   a->has_noise == b->has_noise && a->n_factors == b->n_factors;
    for (size_t i = 0; is_same && i < a->n_factors; i++) {
        is_same = factor_is_same(&a->factors[i], &b->factors[i]);
    }
    return is_same;
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

size_t shape_parameters(const struct shape *shape)
{
    size_t n = shape->components - 1 + shape->has_noise;
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        n += f->family->parameters(f);
    }
    return n;
}
