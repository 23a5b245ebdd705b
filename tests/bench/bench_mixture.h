/* SPDX-License-Identifier: MIT
 *
 * The mixtures that the benchmarks draw their points from: equal weights, means normal
 * with a standard deviation of `spread`, those of the fields 1. */
#ifndef BENCH_MIXTURE_H
#define BENCH_MIXTURE_H

#include "bench.h"
#include "mix.h"
#include "points.h"
#include "rng.h"

static inline void *bench_alloc(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (memory == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static inline struct mix_model *bench_mixture(enum mix_covariance covariance, size_t dims,
                                              size_t components, double spread,
                                              struct rng *rng)
{
    const bool is_matrix = covariance == MIX_FULL || covariance == MIX_TIED;
    const size_t size = is_matrix ? dims * dims : covariance == MIX_SPHERICAL ? 1 : dims;
    double *weights = bench_alloc(components, sizeof(double));
    double *means = bench_alloc(components * dims, sizeof(double));
    double *covs = bench_alloc(components * size, sizeof(double));
    for (size_t k = 0; k < components; k++) {
        weights[k] = 1 / (double)components;
        for (size_t i = 0; i < size; i++) {
            covs[k * size + i] =
                is_matrix && i % (dims + 1) != 0 ? 0.3 / (double)dims : 1;
        }
    }
    for (size_t i = 0; i < components * dims; i++) {
        means[i] = spread * rng_normal(rng);
    }
    enum mix_err err;
    struct mix_model *model =
        mix_model_new(dims, components, covariance, weights, means, covs, &err);
    free(weights);
    free(means);
    free(covs);
    if (model == NULL) {
        fprintf(stderr, "bench: %s\n", mix_strerror(err));
        exit(EXIT_FAILURE);
    }
    return model;
}

/* n points of a model, row after row; the caller frees them. */
static inline double *bench_rows(const struct mix_model *model, uint64_t seed, size_t n)
{
    double *rows = bench_alloc(n * mix_model_dimensions(model), sizeof(double));
    if (mix_model_sample(model, seed, n, rows) != MIX_OK) {
        fprintf(stderr, "bench: no sample\n");
        exit(EXIT_FAILURE);
    }
    return rows;
}

/* The same in blocks, as the kernels have them. */
static inline struct points *bench_points(const struct mix_model *model, uint64_t seed,
                                          size_t n)
{
    const size_t dims = mix_model_dimensions(model);
    double *x = bench_rows(model, seed, n);
    const struct mix_rows rows = {.x = x, .n = n, .stride = dims};
    struct points *points = points_new(dims, n);
    if (points == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(EXIT_FAILURE);
    }
    points_append(points, &rows, 0, n);
    free(x);
    return points;
}

#endif
