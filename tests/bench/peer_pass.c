/* SPDX-License-Identifier: MIT
 *
 * The pass of mixd for bench_peers.py:
 *
 *     peer_pass COVARIANCE D K FILE
 *
 * FILE holds float64: K weights, K x D means, the covariances, then the points. Prints
 * the seconds of one pass of E-step, sums and M-step over all points, the best of
 * several. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <unistd.h>

#include "bench.h"
#include "em.h"
#include "model.h"
#include "points.h"
#include "stats.h"

#define ROUNDS 15
#define LEAST_S 0.3 /* of all rounds together */

static void need(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "peer_pass: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static double *read_numbers(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    need(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
    *n = (size_t)ftell(file) / sizeof(double);
    rewind(file);
    double *values = malloc((*n + 1) * sizeof(double));
    need(values != NULL && fread(values, sizeof(double), *n, file) == *n, path);
    fclose(file);
    return values;
}

/* Seconds of one pass, with the M-step into another model, so that all are alike. */
static double time_pass(const struct mix_model *model, const struct points *points)
{
    static double s0[MIX_DIMENSIONS_MAX], vf[MIX_DIMENSIONS_MAX];
    struct em *em = em_new(&model->shape);
    struct mix_model *next = mix_model_copy(model);
    const struct prior prior = {.nu0 = 0, .s0 = s0, .vf = vf};
    need(em != NULL && next != NULL, "out of memory");
    double best = HUGE_VAL, total = 0;
    for (int round = 0; round < ROUNDS || total < LEAST_S; round++) {
        const double start = bench_clock();
        sums_clear(em->sums);
        for (size_t j = 0; j < points_blocks(points); j++) {
            estep_run(em->estep, model, points_block(points, j));
            sums_add(em->sums, em->estep, model, points_block(points, j));
        }
        stats_blend(em->stats, model, em->sums, 1);
        need(stats_mstep(em->stats, em->sums->weight, &prior, next, NULL) == MIX_OK,
             "no model");
        const double seconds = bench_clock() - start;
        best = fmin(best, seconds);
        total += seconds;
    }
    mix_model_destroy(&next);
    em_destroy(&em);
    return best;
}

int main(int argc, char **argv)
{
    need(argc == 5, "COVARIANCE D K FILE wanted");
    size_t n_values;
    const size_t dims = strtoul(argv[2], NULL, 10), k = strtoul(argv[3], NULL, 10);
    const enum mix_covariance type = strcmp(argv[1], "full") == 0 ? MIX_FULL : MIX_DIAG;
    const size_t cov_size = type == MIX_FULL ? dims * dims : dims;
    double *values = read_numbers(argv[4], &n_values);
    const size_t head = k * (1 + dims + cov_size);
    need(dims > 0 && n_values > head, "no points");
    enum mix_err err;
    struct mix_model *model =
        mix_model_new(dims, k, type, values, values + k, values + k + k * dims, &err);
    need(model != NULL, mix_strerror(err));
    const size_t n = (n_values - head) / dims;
    struct points *points = points_new(dims, n);
    const struct mix_rows rows = {.x = values + head, .n = n, .stride = dims};
    need(points != NULL, "out of memory");
    points_append(points, &rows, 0, n);
    printf("%.9g\n", time_pass(model, points));
    points_destroy(&points);
    mix_model_destroy(&model);
    free(values);
    return EXIT_SUCCESS;
}
