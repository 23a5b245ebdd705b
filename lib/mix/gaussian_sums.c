/* SPDX-License-Identifier: MIT
 *
 * The sums of a block. The kernel gives moments about the reference of the model; with
 * the mean of the points they become scatter about that mean, which is joined to what
 * the sums hold already. Where the mean lies far from the reference (in units of the
 * points' own standard deviation), scatter would be a difference of large numbers: the
 * moments of that component are then taken once more, about the mean just found.
 *
 * Moments and sums lie with the component last, so loops over components run over
 * neighbours. */
#include <string.h>

#include "gaussian.h"

/* 1e150, the largest value, times eps so often is below the smallest spread of a block of
 * ordinary values. */
#define APPROACHES_MAX 12

/* What the functions below have in common. */
struct task {
    const struct factor *f;
    struct span ks;
    const struct workspace *work;
    const struct block *block;
    const double *param;
    struct gaussian_cache cache;
    struct gaussian_scratch scratch;
    const double *resp; /* of all components */
    struct kernel_moments job;
};

/* Row of moments with sum of r x_i, and with sum of r x_i x_i. */
static size_t row_of(const struct factor *f, size_t i)
{
    return gaussian_is_dense(f) ? packed_size(i + 1) : 1 + 2 * i;
}

static size_t row_of_square(const struct factor *f, size_t i)
{
    return gaussian_is_dense(f) ? packed_size(i + 2) - 1 : 2 + 2 * i;
}

/* Mean and shift of component k in field i, from moments about centre. */
static void find_mean(const struct task *task, size_t i, size_t k, double centre)
{
    const struct factor *f = task->f;
    const double *moments = task->scratch.moments + k;
    const double n = moments[0], sum = moments[row_of(f, i) * f->components];
    const size_t at = i * f->components + k;
    task->scratch.mean[at] = n > 0 ? sum / n : 0;
    task->scratch.shift[at] = sum + n * (centre - task->param[k * f->dimensions + i]);
}

static void drop_missing(const struct task *task, double *a)
{
    const size_t n = task->job.groups * (task->job.dims + 1) * KERNEL_GROUP;
    for (size_t i = 0; task->block->has_missing && i < n; i++) {
        a[i] = a[i] == a[i] ? a[i] : 0;
    }
}

/* True if the scatter of component k would lose too many digits in some field: compared
 * with itself and with what the model expects, for two points may lie close by chance. */
static bool is_far(const struct task *task, size_t k)
{
    const struct factor *f = task->f;
    const double *moments = task->scratch.moments + k;
    const double *cov = gaussian_cov(f, task->param, k);
    for (size_t i = 0; i < f->dimensions && moments[0] > 0; i++) {
        const double between = task->scratch.mean[i * f->components + k] *
                               moments[row_of(f, i) * f->components];
        const double within = moments[row_of_square(f, i) * f->components] - between;
        const double expected = moments[0] * gaussian_covariance(f, cov, i, i);
        if (!(between <= (double)GAUSSIAN_FAR * GAUSSIAN_FAR * (within + expected))) {
            return true;
        }
    }
    return false;
}

/* The moments of component k about the mean that they gave before, which was found about
 * `centre`, and moves there. */
static void repeat(const struct task *task, size_t k, double *centre)
{
    const struct factor *f = task->f;
    const size_t dims = f->dimensions, stride = f->components;
    const size_t n = gaussian_is_dense(f) ? packed_size(dims + 1) : 1 + 2 * dims;
    struct kernel_moments job = task->job;
    for (size_t d = 0; d < dims; d++) {
        centre[d] += task->scratch.mean[d * stride + k];
    }
    task->work->kernel->centre(task->block->x + f->first * BLOCK_POINTS, dims, job.groups,
                               centre, task->scratch.b);
    drop_missing(task, task->scratch.b);
    job.a = task->scratch.b;
    job.components = job.stride = 1;
    job.resp = task->resp + k * BLOCK_POINTS;
    job.out = task->scratch.again;
    task->work->kernel->moments(&job);
    for (size_t at = 0; at < n; at++) {
        task->scratch.moments[at * stride + k] = task->scratch.again[at];
    }
    for (size_t d = 0; d < dims; d++) {
        find_mean(task, d, k, centre[d]);
    }
}

/* Until the centre is near. Once is enough, but where a component that holds a freak of
 * 1e38 has taken the reference along: each time leaves eps of the distance. */
static void approach(const struct task *task, size_t k)
{
    double centre[MIX_DIMENSIONS_MAX];
    for (size_t i = 0; i < APPROACHES_MAX && is_far(task, k); i++) {
        if (i == 0) {
            memcpy(centre, task->cache.ref, task->f->dimensions * sizeof(double));
        }
        repeat(task, k, centre);
    }
}

static void find_means(const struct task *task)
{
    for (size_t i = 0; i < task->f->dimensions; i++) {
        for (size_t k = task->ks.first; k < task->ks.end; k++) {
            find_mean(task, i, k, task->cache.ref[i]);
        }
    }
    for (size_t k = task->ks.first; k < task->ks.end; k++) {
        approach(task, k);
    }
}

/* Joins points to the sums of the components of `job`: mass and shift lie as in the sums,
 * their scatter is what the job has. delta is the distance of the two means, between the
 * weight of its square; both are scratch. */
static void join(struct kernel_join *job, const struct kernel *kernel, double *sums,
                 const double *mass, const double *shift, double *between, double *delta)
{
    const size_t n = job->components, stride = job->stride;
    double *own_mass = sums, *own_shift = sums + stride;
    job->between = between;
    job->scatter = own_shift + job->dims * stride;
    for (size_t k = 0; k < n; k++) {
        const bool has_both = own_mass[k] > 0 && mass[k] > 0;
        between[k] = has_both ? own_mass[k] * (mass[k] / (own_mass[k] + mass[k])) : 0;
        job->delta = has_both ? delta : job->delta;
    }
    for (size_t d = 0; d < job->dims; d++) {
        for (size_t k = 0; k < n; k++) {
            delta[k] = between[k] > 0 ? shift[k] / mass[k] - own_shift[k] / own_mass[k] : 0;
            own_shift[k] += shift[k];
        }
        shift += stride;
        delta += stride;
        own_shift += stride;
    }
    kernel->join(job);
    for (size_t k = 0; k < n; k++) {
        own_mass[k] += mass[k];
    }
}

static void join_block(const struct task *task, double *sums)
{
    const size_t first = task->ks.first;
    const struct gaussian_scratch *scratch = &task->scratch;
    struct kernel_join job = {.dims = task->f->dimensions,
                              .components = task->ks.end - first,
                              .stride = task->f->components,
                              .moments = scratch->moments + first,
                              .mean = scratch->mean + first,
                              .is_diagonal = task->job.is_diagonal};
    join(&job, task->work->kernel, sums + first, scratch->moments + first,
         scratch->shift + first, scratch->base + first, scratch->delta + first);
}

void gaussian_join(const struct factor *f, const struct workspace *work, double *sums,
                   const double *other)
{
    const size_t stride = f->components;
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    struct kernel_join job = {.dims = f->dimensions,
                              .components = stride,
                              .stride = stride,
                              .other = other + (1 + f->dimensions) * stride,
                              .is_diagonal = !gaussian_is_dense(f)};
    join(&job, work->kernel, sums, other, other + stride, scratch.base, scratch.delta);
}

void gaussian_join_points(const struct factor *f, double *sums, size_t k, double n,
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

static bool is_sparse(const struct task *task)
{
    const struct kernel_moments *job = &task->job;
    const size_t components = task->f->components;
    if (job->is_diagonal || job->dims < GAUSSIAN_SPARSE_DIMS) {
        return false;
    }
    const double n = task->work->kernel->count_active(task->resp, job->weight, components,
                                                      job->groups);
    return n < GAUSSIAN_SPARSE_SHARE * (double)(components * task->block->n);
}

void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *resp, struct span ks, double *sums)
{
    struct task task = {.f = f,
                        .ks = ks,
                        .work = work,
                        .block = block,
                        .param = param,
                        .cache = gaussian_cache(f, cache),
                        .scratch = gaussian_scratch(f, work->scratch)};
    task.resp = block->has_missing ? only_complete(&task, resp) : resp;
    task.job = (struct kernel_moments){
        .dims = f->dimensions,
        .components = ks.end - ks.first,
        .groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP,
        .a = task.scratch.a,
        .resp = task.resp + ks.first * BLOCK_POINTS,
        .out = task.scratch.moments + ks.first,
        .stride = f->components,
        .is_diagonal = !gaussian_is_dense(f),
        .weight = block->weight,
        .rows = task.scratch.rows};
    work->kernel->centre(block->x + f->first * BLOCK_POINTS, f->dimensions,
                         task.job.groups, task.cache.ref, task.scratch.a);
    drop_missing(&task, task.scratch.a);
    (is_sparse(&task) ? work->kernel->moments_sparse : work->kernel->moments)(&task.job);
    find_means(&task);
    join_block(&task, sums);
    if (block->has_missing) {
        gaussian_missing_sums(f, param, work, block, resp, ks, sums);
    }
}
