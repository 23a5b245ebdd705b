/* SPDX-License-Identifier: MIT
 *
 * The sums of a block: moments about the reference of the model from the kernel, made
 * into mass, mean and scatter about that mean. Where the mean of the points lies far
 * from the reference (ALGORITHM.md: in units of their own standard deviation), scatter
 * would be a difference of large numbers: the moments are then taken once more, about
 * the mean just found. */
#include <string.h>

#include "gaussian.h"

/* One part of the sums of a component: n points, shift = sum of r (x - centre), scatter
 * about their mean. */
struct part {
    double n;
    double shift[MIX_DIMENSIONS_MAX];
    double *scatter; /* in the place of the moments it is made from */
};

void gaussian_join(const struct factor *f, double *sums, size_t k, double n,
                   const double *shift, const double *scatter)
{
    const size_t dims = f->dimensions, size = gaussian_packed(f);
    double *own_n = sums + k, *own_shift = sums + f->components + k * dims;
    double *own = sums + f->components * (1 + dims) + k * size;
    const double total = *own_n + n, between = *own_n * (n / total);
    double delta[MIX_DIMENSIONS_MAX];
    if (!(n > 0)) {
        return;
    }
    if (*own_n > 0) {
        for (size_t d = 0; d < dims; d++) {
            delta[d] = shift[d] / n - own_shift[d] / *own_n;
        }
        for (size_t i = 0; i < dims; i++) {
            const double scaled = between * delta[i];
            if (!gaussian_is_dense(f)) {
                own[i] += scaled * delta[i];
                continue;
            }
            double *row = own + packed_size(i);
            for (size_t j = 0; j <= i; j++) {
                row[j] += scaled * delta[j];
            }
        }
    }
    for (size_t d = 0; d < dims; d++) {
        own_shift[d] += shift[d];
    }
    for (size_t at = 0; at < size; at++) {
        own[at] += scatter[at];
    }
    *own_n = total;
}

/* Moments [1, x_0, x_0 x_0, x_1, ...] into a part; true if nothing cancelled. Scatter
 * is moved to the front of the moments: it is written behind what is still read. */
static bool part_of(const struct factor *f, double *moments, struct part *part)
{
    const size_t dims = f->dimensions;
    const bool is_dense = gaussian_is_dense(f);
    bool is_exact = true;
    part->n = moments[0];
    part->scatter = moments;
    if (!(part->n > 0)) {
        return true;
    }
    const double inverse = 1 / part->n;
    double *to = moments;
    for (size_t i = 0; i < dims; i++) {
        const double *from = moments + (is_dense ? packed_size(i + 1) : 1 + 2 * i);
        part->shift[i] = from[0];
        const double mean = part->shift[i] * inverse;
        for (size_t j = is_dense ? 0 : i; j < i; j++) {
            *to++ = from[j + 1] - mean * part->shift[j];
        }
        const double between = mean * part->shift[i];
        const double square = from[is_dense ? i + 1 : 1] - between;
        is_exact = is_exact && between <= (double)GAUSSIAN_FAR * GAUSSIAN_FAR * square;
        *to++ = square > 0 ? square : 0;
    }
    return is_exact;
}

/* The part of component k about its own mean: centre becomes ref + shift / n. */
static void again(const struct factor *f, const struct workspace *work,
                  const struct block *block, const double *resp, double *centre,
                  struct kernel_moments job, struct part *part)
{
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    for (size_t d = 0; d < f->dimensions; d++) {
        centre[d] += part->shift[d] / part->n;
    }
    work->kernel->centre(block->x + f->first * BLOCK_POINTS, f->dimensions, job.groups,
                         centre, scratch.b);
    if (block->has_missing) {
        for (size_t i = 0; i < job.groups * (f->dimensions + 1) * KERNEL_GROUP; i++) {
            scratch.b[i] = scratch.b[i] == scratch.b[i] ? scratch.b[i] : 0;
        }
    }
    job.a = scratch.b;
    job.components = 1;
    job.resp = resp;
    job.out = part->scatter;
    work->kernel->moments(&job);
    part_of(f, job.out, part);
}

/* resp without the points that have missing entries; NaN in a becomes 0, as 0 times
 * NaN is not 0. */
static const double *only_complete(const struct factor *f, const struct block *block,
                                   const struct gaussian_scratch *scratch,
                                   const double *resp)
{
    const size_t n = f->components * BLOCK_POINTS;
    const size_t groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP;
    memcpy(scratch->resp, resp, n * sizeof(*resp));
    for (size_t i = 0; i < block->n; i++) {
        if (gaussian_is_partial(f, block, i)) {
            for (size_t k = 0; k < f->components; k++) {
                scratch->resp[k * BLOCK_POINTS + i] = 0;
            }
        }
    }
    for (size_t i = 0; i < groups * (f->dimensions + 1) * KERNEL_GROUP; i++) {
        scratch->a[i] = scratch->a[i] == scratch->a[i] ? scratch->a[i] : 0;
    }
    return scratch->resp;
}

void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *resp, double *sums)
{
    const size_t dims = f->dimensions;
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    const struct gaussian_cache parts = gaussian_cache(f, cache);
    const size_t n_moments = gaussian_is_dense(f) ? packed_size(dims + 1) : 1 + 2 * dims;
    struct kernel_moments job = {.dims = dims,
                                 .components = f->components,
                                 .groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP,
                                 .a = scratch.a,
                                 .resp = resp,
                                 .out = scratch.moments,
                                 .is_diagonal = !gaussian_is_dense(f)};
    work->kernel->centre(block->x + f->first * BLOCK_POINTS, dims, job.groups, parts.ref,
                         scratch.a);
    if (block->has_missing) {
        job.resp = only_complete(f, block, &scratch, resp);
    }
    work->kernel->moments(&job);
    for (size_t k = 0; k < f->components; k++) {
        struct part part;
        double centre[MIX_DIMENSIONS_MAX];
        memcpy(centre, parts.ref, dims * sizeof(*centre));
        if (!part_of(f, scratch.moments + k * n_moments, &part)) {
            again(f, work, block, job.resp + k * BLOCK_POINTS, centre, job, &part);
        }
        for (size_t d = 0; d < dims; d++) {
            part.shift[d] += part.n * (centre[d] - param[k * dims + d]);
        }
        gaussian_join(f, sums, k, part.n, part.shift, part.scatter);
    }
    if (block->has_missing) {
        gaussian_missing_sums(f, param, work, block, resp, sums);
    }
}
