/* SPDX-License-Identifier: MIT
 *
 * Log density of a block under the components of a gaussian factor. Neighbouring
 * components that are near the reference go to the kernel together; a far one is
 * worked out about its own mean (gaussian.h). */
#include <string.h>

#include "gaussian.h"

static const double zeros[MIX_DIMENSIONS_MAX];

/* What the calls for one block have in common. */
struct pass {
    const struct factor *f;
    const struct kernel *kernel;
    struct gaussian_cache cache;
    struct gaussian_scratch scratch;
    const double *x; /* first row of the factor's fields */
    size_t groups;
};

static void run(const struct pass *pass, struct kernel_density *job)
{
    job->dims = pass->f->dimensions;
    job->groups = pass->groups;
    job->w_stride = pass->cache.w_stride;
    if (gaussian_is_dense(pass->f)) {
        pass->kernel->density_full(job);
    } else {
        pass->kernel->density_diag(job);
    }
}

/* Components [k, end), about the reference. */
static void run_near(const struct pass *pass, struct kernel_density job, size_t k,
                     size_t end)
{
    job.components = end - k;
    job.a = pass->scratch.a;
    job.w = pass->cache.w + k * pass->cache.w_stride;
    job.c = pass->cache.c + k * pass->f->dimensions;
    job.base += k;
    job.out += k * BLOCK_POINTS;
    run(pass, &job);
}

static void run_far(const struct pass *pass, struct kernel_density job, size_t k,
                    const double *mean)
{
    pass->kernel->centre(pass->x, pass->f->dimensions, pass->groups, mean, pass->scratch.b);
    job.components = 1;
    job.a = pass->scratch.b;
    job.w = pass->cache.w + k * pass->cache.w_stride;
    job.c = zeros;
    job.base += k;
    job.out += k * BLOCK_POINTS;
    run(pass, &job);
}

/* Components that share W: points are whitened once, then only shifted. */
static void run_tied(const struct pass *pass, struct kernel_density job, size_t k,
                     size_t end)
{
    static const double ones[MIX_DIMENSIONS_MAX] = {
#define ONES_16 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
        ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16,
        ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16};
    job.dims = pass->f->dimensions;
    job.components = end - k;
    job.groups = pass->groups;
    job.a = pass->scratch.b;
    job.w = ones;
    job.w_stride = 0;
    job.c = pass->cache.c + k * pass->f->dimensions;
    job.base += k;
    job.out += k * BLOCK_POINTS;
    pass->kernel->rotate(pass->scratch.a, job.dims, job.groups, pass->cache.w,
                         pass->scratch.b);
    pass->kernel->density_diag(&job);
}

double gaussian_log_density(const struct factor *f, const double *param,
                            const double *cache, const struct workspace *work,
                            const struct block *block, const double *base, double *out)
{
    struct pass pass = {.f = f,
                        .kernel = work->kernel,
                        .cache = gaussian_cache(f, cache),
                        .scratch = gaussian_scratch(f, work->scratch),
                        .x = block->x + f->first * BLOCK_POINTS,
                        .groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP};
    struct kernel_density job = {
        .base = pass.scratch.base, .out = out, .is_added = base == NULL};
    for (size_t k = 0; k < f->components; k++) {
        pass.scratch.base[k] = pass.cache.base[k] + (base == NULL ? 0 : base[k]);
    }
    if (block->has_missing && base == NULL) {
        /* Points with missing entries come out as NaN; what they had before is kept. */
        for (size_t k = 0; k < f->components; k++) {
            memcpy(pass.scratch.resp + k * BLOCK_POINTS, out + k * BLOCK_POINTS,
                   block->n * sizeof(*out));
        }
    }
    work->kernel->centre(pass.x, f->dimensions, pass.groups, pass.cache.ref,
                         pass.scratch.a);
    for (size_t k = 0; k < f->components;) {
        size_t end = k;
        if (pass.cache.is_far[k] != 0) {
            run_far(&pass, job, k, param + k * f->dimensions);
            k++;
            continue;
        }
        while (end < f->components && pass.cache.is_far[end] == 0) {
            end++;
        }
        if (f->covariance == MIX_TIED && end - k > 1) {
            run_tied(&pass, job, k, end);
        } else {
            run_near(&pass, job, k, end);
        }
        k = end;
    }
    if (block->has_missing) {
        gaussian_missing_density(f, param, pass.cache.exponent, work, block, base, out);
    }
    double common = 0;
    for (size_t d = 0; d < f->dimensions; d++) {
        common -= pass.cache.exponent[d] + NORMALISER;
    }
    return common;
}
