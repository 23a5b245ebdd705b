/* SPDX-License-Identifier: MIT
 *
 * What the learner costs beside the bare E-step and sums over the same points, measured
 * in turns in the same run:
 *
 *     bench_learner [-s SEED] [-n POINTS]
 *
 * `pass` is ns a point of one bare pass. `off` and `on` are the learner without and with
 * adapt, in passes: `steady` over points after the warm-up, `whole` over POINTS (a
 * million) with warm-up and challenges, `1e5` over the first 1e5.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "bench_mixture.h"
#include "estep.h"
#include "kernel.h"

#define SEED 7
#define ROUNDS 5
#define POOL 65536
#define EARLY 100000
/* Distance between means in standard deviations. */
#define SPREAD 2.0

struct subject {
    size_t dims, components;
    uint64_t seed;
    struct mix_model *truth;
    double *rows;          /* POOL x D */
    struct points *points; /* the same, as the kernel has them */
};

static void need(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "bench_learner: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct subject subject_new(size_t dims, size_t components, uint64_t seed)
{
    struct subject s = {.dims = dims, .components = components, .seed = seed};
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    s.truth = bench_mixture(MIX_FULL, dims, components, SPREAD, &rng);
    s.rows = bench_rows(s.truth, seed, POOL);
    s.points = bench_points(s.truth, seed, POOL);
    return s;
}

static void subject_free(struct subject *s)
{
    mix_model_destroy(&s->truth);
    points_destroy(&s->points);
    free(s->rows);
}

/* ---- What is timed --------------------------------------------------------------- */

/* Seconds of a bare pass over the pool. */
static double time_pass(const struct subject *s)
{
    struct estep *estep = estep_new(&s->truth->shape);
    struct sums *sums = sums_new(&s->truth->shape);
    need(estep != NULL && sums != NULL, "out of memory");
    double best = HUGE_VAL;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = bench_clock();
        sums_clear(sums);
        for (size_t j = 0; j < points_blocks(s->points); j++) {
            estep_run(estep, s->truth, points_block(s->points, j));
            sums_add(sums, estep, s->truth, points_block(s->points, j));
        }
        best = fmin(best, bench_clock() - start);
    }
    estep_destroy(&estep);
    sums_destroy(&sums);
    return best;
}

static void learn(struct mix_learner *learner, const struct subject *s, size_t first,
                  size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t at = (first + i) % POOL;
        const size_t run = n - i < POOL - at ? n - i : POOL - at;
        const struct mix_rows rows = {
            .x = s->rows + at * s->dims, .n = run, .stride = s->dims};
        size_t taken;
        need(mix_learner_add(learner, &rows, &taken) == MIX_OK, "add");
        mix_learner_work(learner);
        i += taken;
    }
}

static struct mix_options options_of(const struct subject *s, bool adapts)
{
    struct mix_options options;
    mix_options_init(&options, s->dims, s->components);
    options.seed = s->seed;
    options.adapt = adapts;
    return options;
}

/* Seconds of the learner over the pool, from the true model on: the best of the rounds.
 * The memory is first filled, so that there is no challenge in between. */
static double time_steady(const struct subject *s, bool adapts)
{
    const struct mix_options options = options_of(s, adapts);
    struct mix_learner *learner = mix_learner_start(&options, s->truth, 1e9, NULL);
    need(learner != NULL, "no learner");
    learn(learner, s, 0, POOL);
    double best = HUGE_VAL;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = bench_clock();
        learn(learner, s, 0, POOL);
        best = fmin(best, bench_clock() - start);
    }
    mix_learner_destroy(&learner);
    return best;
}

/* Seconds of a fresh learner over n points and, *early, over the first of them. */
static double time_whole(const struct subject *s, bool adapts, size_t n, double *early)
{
    const struct mix_options options = options_of(s, adapts);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    need(learner != NULL, "no learner");
    const double start = bench_clock();
    learn(learner, s, 0, EARLY);
    *early = bench_clock() - start;
    learn(learner, s, EARLY, n - EARLY);
    const double seconds = bench_clock() - start;
    mix_learner_destroy(&learner);
    return seconds;
}

/* ---- The table ------------------------------------------------------------------- */

static void print_row(const struct subject *s, size_t n)
{
    const double pass = time_pass(s) / POOL;
    printf("  (%2zu,%2zu) %8.2f", s->dims, s->components, 1e9 * pass);
    for (int adapts = 0; adapts < 2; adapts++) {
        double early;
        const double steady = time_steady(s, adapts) / POOL;
        const double whole = time_whole(s, adapts, n, &early);
        printf("  | %6.2f %6.2f %6.1f", steady / pass, whole / ((double)n * pass),
               early / (EARLY * pass));
        fflush(stdout);
    }
    printf("\n");
}

static void print_table(uint64_t seed, size_t n)
{
    static const size_t shapes[][2] = {{2, 4}, {8, 8}, {16, 16}};
    printf("  kernel %s, full covariance, %zu points; times in bare passes\n"
           "                    | adapt off              | adapt on\n"
           "  (D,K)   pass ns/pt  | steady  whole    1e5  | steady  whole    1e5\n",
           kernel_current()->name, n);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct subject s = subject_new(shapes[i][0], shapes[i][1], seed);
        print_row(&s, n);
        subject_free(&s);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = SEED;
    size_t n = 1000000;
    int option;
    while ((option = getopt(argc, argv, "s:n:")) != -1) {
        switch (option) {
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            n = strtoull(optarg, NULL, 10);
            break;
        default:
            fprintf(stderr, "usage: bench_learner [-s SEED] [-n POINTS]\n");
            return EXIT_FAILURE;
        }
    }
    const char *const forced = getenv("MIX_KERNEL");
    need(forced == NULL || kernel_select(forced), "this machine has no such kernel");
    need(n > EARLY, "more points are needed");
    bench_head("learner: its cost in passes", seed);
    print_table(seed, n);
    return EXIT_SUCCESS;
}
