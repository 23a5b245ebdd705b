/* SPDX-License-Identifier: MIT
 *
 * The sums of a block: moments about the reference of the model from the kernel, made
 * into mass, mean and scatter about that mean, eight components at a time. Where the
 * mean of the points lies far from the reference (in units of their own standard
 * deviation), scatter would be a difference of large numbers: the moments are then
 * taken once more, about the mean just found. */
#include <string.h>

#include "gaussian.h"

/* The part that a block adds to the sums of up to GAUSSIAN_LANES components. Moments
 * and sums lie with the component last, so that loops over it are contiguous. */
struct part {
    size_t first, n; /* components [first, first + n) */
    double mass[GAUSSIAN_LANES];
    double shift[MIX_DIMENSIONS_MAX][GAUSSIAN_LANES]; /* sum of r (x - mu) */
    bool is_far[GAUSSIAN_LANES];
};

/* What the functions below have in common. */
struct task {
    const struct factor *f;
    const struct workspace *work;
    const struct block *block;
    struct gaussian_scratch scratch;
    struct gaussian_cache cache;
    struct kernel_moments job;
    const double *param;
};

/* Row of moments with sum of r x_i, and with sum of r x_i x_j. */
static size_t row_of(const struct factor *f, size_t i)
{
    return gaussian_is_dense(f) ? packed_size(i + 1) : 1 + 2 * i;
}

static size_t row_of_product(const struct factor *f, size_t i, size_t j)
{
    return gaussian_is_dense(f) ? packed_size(i + 1) + j + 1 : 2 + 2 * i;
}

/* Turns the rows of products into scatter about the mean, in place. */
static void find_scatter(const struct factor *f, double *moments, size_t stride,
                         struct part *part)
{
    const double *mass = moments + part->first;
    double mean[GAUSSIAN_LANES];
    for (size_t k = 0; k < part->n; k++) {
        part->mass[k] = mass[k];
        part->is_far[k] = false;
    }
    for (size_t i = 0; i < f->dimensions; i++) {
        const double *s_i = moments + row_of(f, i) * stride + part->first;
        for (size_t k = 0; k < part->n; k++) {
            mean[k] = mass[k] > 0 ? s_i[k] / mass[k] : 0;
        }
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j < i; j++) {
            const double *s_j = moments + row_of(f, j) * stride + part->first;
            double *q = moments + row_of_product(f, i, j) * stride + part->first;
            for (size_t k = 0; k < part->n; k++) {
                q[k] -= mean[k] * s_j[k];
            }
        }
        double *q = moments + row_of_product(f, i, i) * stride + part->first;
        for (size_t k = 0; k < part->n; k++) {
            const double between = mean[k] * s_i[k], within = q[k] - between;
            part->is_far[k] |=
                !(between <= (double)GAUSSIAN_FAR * GAUSSIAN_FAR * within) && mass[k] > 0;
            q[k] = within > 0 ? within : 0;
        }
    }
}

static void drop_missing(const struct task *task, double *a)
{
    const size_t n = task->job.groups * (task->job.dims + 1) * KERNEL_GROUP;
    for (size_t i = 0; task->block->has_missing && i < n; i++) {
        a[i] = a[i] == a[i] ? a[i] : 0;
    }
}

/* Scatter and shift of component k about the mean that the moments gave. */
static void repeat(const struct task *task, struct part *part, size_t lane)
{
    const struct factor *f = task->f;
    const size_t k = part->first + lane, stride = f->components;
    double *moments = task->scratch.moments + k, *again = task->scratch.again;
    double centre[MIX_DIMENSIONS_MAX];
    struct kernel_moments job = task->job;
    struct part alone;
    for (size_t d = 0; d < f->dimensions; d++) {
        centre[d] = task->cache.ref[d] + moments[row_of(f, d) * stride] / part->mass[lane];
    }
    task->work->kernel->centre(task->block->x + f->first * BLOCK_POINTS, f->dimensions,
                               job.groups, centre, task->scratch.b);
    drop_missing(task, task->scratch.b);
    job.a = task->scratch.b;
    job.components = 1;
    job.resp += k * BLOCK_POINTS;
    job.out = again;
    alone.first = 0;
    alone.n = 1;
    task->work->kernel->moments(&job);
    find_scatter(f, again, 1, &alone);
    for (size_t i = 0; i < f->dimensions; i++) {
        part->shift[i][lane] = again[row_of(f, i)] +
                               part->mass[lane] * (centre[i] - task->param[k * f->dimensions + i]);
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++) {
            moments[row_of_product(f, i, j) * stride] = again[row_of_product(f, i, j)];
        }
    }
}

static void find_part(const struct task *task, struct part *part)
{
    const struct factor *f = task->f;
    const size_t stride = f->components;
    find_scatter(f, task->scratch.moments, stride, part);
    for (size_t i = 0; i < f->dimensions; i++) {
        const double *s = task->scratch.moments + row_of(f, i) * stride + part->first;
        const double *mu = task->param + part->first * f->dimensions + i;
        for (size_t k = 0; k < part->n; k++) {
            part->shift[i][k] =
                s[k] + part->mass[k] * (task->cache.ref[i] - mu[k * f->dimensions]);
        }
    }
    for (size_t k = 0; k < part->n; k++) {
        if (part->is_far[k]) {
            repeat(task, part, k);
        }
    }
}

/* Adds a part to the sums, whose own parts lie as gaussian.h says. */
static void join(const struct task *task, const struct part *part, double *sums)
{
    const struct factor *f = task->f;
    const size_t stride = f->components;
    double *n = sums + part->first, *shift = n + stride;
    double *scatter = shift + f->dimensions * stride;
    double delta[MIX_DIMENSIONS_MAX][GAUSSIAN_LANES], between[GAUSSIAN_LANES];
    bool is_first = true;
    for (size_t k = 0; k < part->n; k++) {
        const bool has_both = n[k] > 0 && part->mass[k] > 0;
        between[k] = has_both ? n[k] * (part->mass[k] / (n[k] + part->mass[k])) : 0;
        is_first = is_first && !has_both;
    }
    for (size_t i = 0; i < f->dimensions; i++) {
        for (size_t k = 0; k < part->n; k++) {
            delta[i][k] = between[k] > 0 ? part->shift[i][k] / part->mass[k] -
                                               shift[i * stride + k] / n[k]
                                         : 0;
            shift[i * stride + k] += part->shift[i][k];
        }
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, scatter += stride) {
            const double *q = task->scratch.moments + row_of_product(f, i, j) * stride +
                              part->first;
            for (size_t k = 0; k < part->n; k++) {
                const double cross = is_first ? 0 : between[k] * delta[i][k] * delta[j][k];
                scatter[k] += q[k] + cross;
            }
        }
    }
    for (size_t k = 0; k < part->n; k++) {
        n[k] += part->mass[k];
    }
}

void gaussian_join(const struct factor *f, double *sums, size_t k, double n,
                   const double *shift, const double *scatter)
{
    const size_t stride = f->components;
    double *own_n = sums + k, *own_shift = own_n + stride;
    double *own = own_shift + f->dimensions * stride;
    const double between = *own_n * (n / (*own_n + n));
    double delta[MIX_DIMENSIONS_MAX];
    for (size_t i = 0; i < f->dimensions; i++) {
        delta[i] = *own_n > 0 ? shift[i] / n - own_shift[i * stride] / *own_n : 0;
        own_shift[i * stride] += shift[i];
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, own += stride) {
            *own += *scatter++ + between * delta[i] * delta[j];
        }
    }
    *own_n += n;
}

/* resp without the points that have missing entries. */
static const double *only_complete(const struct task *task, const double *resp)
{
    const size_t n = task->f->components * BLOCK_POINTS;
    memcpy(task->scratch.resp, resp, n * sizeof(*resp));
    for (size_t i = 0; i < task->block->n; i++) {
        if (gaussian_is_partial(task->f, task->block, i)) {
            for (size_t k = 0; k < task->f->components; k++) {
                task->scratch.resp[k * BLOCK_POINTS + i] = 0;
            }
        }
    }
    return task->scratch.resp;
}

void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *resp, double *sums)
{
    struct part part; /* as a whole never initialised, for it is large */
    struct task task = {.f = f,
                        .work = work,
                        .block = block,
                        .scratch = gaussian_scratch(f, work->scratch),
                        .cache = gaussian_cache(f, cache),
                        .param = param};
    task.job = (struct kernel_moments){
        .dims = f->dimensions,
        .components = f->components,
        .groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP,
        .a = task.scratch.a,
        .resp = block->has_missing ? only_complete(&task, resp) : resp,
        .out = task.scratch.moments,
        .is_diagonal = !gaussian_is_dense(f)};
    work->kernel->centre(block->x + f->first * BLOCK_POINTS, f->dimensions,
                         task.job.groups, task.cache.ref, task.scratch.a);
    drop_missing(&task, task.scratch.a);
    work->kernel->moments(&task.job);
    for (size_t k = 0; k < f->components; k += GAUSSIAN_LANES) {
        const size_t left = f->components - k;
        part.first = k;
        part.n = left < GAUSSIAN_LANES ? left : GAUSSIAN_LANES;
        find_part(&task, &part);
        join(&task, &part, sums);
    }
    if (block->has_missing) {
        gaussian_missing_sums(f, param, work, block, resp, sums);
    }
}
