/* SPDX-License-Identifier: MIT
 *
 * How time and memory grow over a factor of 16 in points, fields and components:
 *
 *     bench_growth [-s SEED]
 *
 * A row has the time at five sizes, each twice the one before, and the exponent p that
 * fits them best, time ~ size^p. `worst` is how much more the time grew between any two
 * sizes than in proportion to size^q, q the power that is asked for; ! where that is
 * over 15 %. To grow less is no fault: what is done once for each point or each block
 * weighs less and less. Times are the best of some rounds.
 *
 * pass     one bare pass of E-step and sums over n points: 1,024 that are gone through
 *          again and again, so that it is the kernels that are measured and not the way
 *          from memory
 * stored   the same over n different points in memory
 * steady   the learner, adapt on, over n points once it has a model that it can trust
 * whole    the learner, adapt on, over n points from the first on, with the fits of the
 *          warm-up and the challenges
 * memory   what malloc has given out for that learner in the end
 */
#include <malloc.h>
#include <math.h>
#include <unistd.h>

#include "bench.h"
#include "bench_mixture.h"
#include "estep.h"
#include "kernel.h"

#define SEED 20091
#define SIZES 5 /* 1, 2, 4, 8, 16 times the first */
#define TOLERANCE 1.15
#define POOL 1024   /* points of a pass */
#define START 65536 /* points of a learner before it is timed as steady */
#define ROUNDS 5
#define ROUND_S 0.02 /* at least */
#define SPREAD 2.0   /* overlapping: no work is left out */

enum grows { GROWS_N, GROWS_D, GROWS_K };

/* What is timed, on how many points, fields and components to begin with. */
struct curve {
    const char *what;
    double (*measure)(const struct curve *curve, uint64_t seed); /* seconds or KiB */
    enum mix_covariance covariance;
    enum grows grows;
    double power; /* asked for */
    size_t n, dims, components;
};

/* ---- What is timed --------------------------------------------------------------- */

/* Goes over n of the points, from the first again where there are fewer. */
static void pass(const struct mix_model *model, const struct points *points, size_t n,
                 struct estep *estep, struct sums *sums)
{
    const size_t blocks = points_blocks(points);
    sums_clear(sums);
    for (size_t j = 0; j < n / BLOCK_POINTS; j++) {
        const struct block *block = points_block(points, j % blocks);
        estep_run(estep, model, block);
        sums_add(sums, estep, model, block);
    }
}

static double time_pass(const struct curve *curve, size_t pool, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    struct mix_model *model =
        bench_mixture(curve->covariance, curve->dims, curve->components, SPREAD, &rng);
    struct points *points = bench_points(model, seed, pool);
    struct estep *estep = estep_new(&model->shape);
    struct sums *sums = sums_new(&model->shape);
    double best = HUGE_VAL;
    for (int round = 0; estep != NULL && sums != NULL && round < ROUNDS; round++) {
        const double begin = bench_clock();
        double last = begin;
        while (last - begin < ROUND_S) {
            pass(model, points, curve->n, estep, sums);
            const double now = bench_clock();
            best = fmin(best, now - last);
            last = now;
        }
    }
    sums_destroy(&sums);
    estep_destroy(&estep);
    points_destroy(&points);
    mix_model_destroy(&model);
    return best;
}

static double seconds_of_pass(const struct curve *curve, uint64_t seed)
{
    return time_pass(curve, POOL, seed);
}

static double seconds_of_stored(const struct curve *curve, uint64_t seed)
{
    return time_pass(curve, curve->n, seed);
}

static void learn(struct mix_learner *learner, const double *rows, size_t dims, size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t at = i % POOL, left = n - i;
        const struct mix_rows some = {.x = rows + at * dims,
                                      .n = left < POOL - at ? left : POOL - at,
                                      .stride = dims};
        size_t taken = 0;
        if (mix_learner_add(learner, &some, &taken) != MIX_OK) {
            fprintf(stderr, "bench_growth: the learner takes no points\n");
            exit(EXIT_FAILURE);
        }
        mix_learner_work(learner);
        i += taken;
    }
}

/* What a learner goes over, and what it costs. */
struct run {
    struct mix_options options;
    struct mix_model *truth;
    double *rows;   /* POOL x D */
    double seconds; /* to learn n points, */
    double kib;     /* given out for it in the end */
};

static struct run run_new(const struct curve *curve, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    struct run run = {.truth = bench_mixture(curve->covariance, curve->dims,
                                             curve->components, SPREAD, &rng)};
    run.rows = bench_rows(run.truth, seed, POOL);
    mix_options_init(&run.options, curve->dims, curve->components);
    run.options.covariance = curve->covariance;
    run.options.adapt = true;
    return run;
}

static void run_free(struct run *run)
{
    mix_model_destroy(&run->truth);
    free(run->rows);
}

static double kib_in_use(void)
{
    const struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / 1024;
}

/* A fresh learner over n points; is_steady: after START others, from a model that stands
 * for so many points that nothing challenges it. */
static void run_learner(const struct curve *curve, struct run *run, bool is_steady)
{
    const double before = kib_in_use();
    struct mix_learner *learner =
        is_steady ? mix_learner_start(&run->options, run->truth, 1e9, NULL)
                  : mix_learner_new(&run->options, NULL);
    if (learner == NULL) {
        fprintf(stderr, "bench_growth: no learner\n");
        exit(EXIT_FAILURE);
    }
    learn(learner, run->rows, curve->dims, is_steady ? START : 0);
    const double begin = bench_clock();
    learn(learner, run->rows, curve->dims, curve->n);
    run->seconds = bench_clock() - begin;
    run->kib = kib_in_use() - before;
    mix_learner_destroy(&learner);
}

static double best_of_learner(const struct curve *curve, uint64_t seed, bool is_steady)
{
    struct run run = run_new(curve, seed);
    double best = HUGE_VAL;
    for (int round = 0; round < ROUNDS; round++) {
        run_learner(curve, &run, is_steady);
        best = fmin(best, run.seconds);
    }
    run_free(&run);
    return best;
}

static double seconds_of_steady(const struct curve *curve, uint64_t seed)
{
    return best_of_learner(curve, seed, true);
}

static double seconds_of_whole(const struct curve *curve, uint64_t seed)
{
    return best_of_learner(curve, seed, false);
}

static double memory_of_learner(const struct curve *curve, uint64_t seed)
{
    struct run run = run_new(curve, seed);
    run_learner(curve, &run, false);
    run_free(&run);
    return run.kib;
}

/* ---- The table ------------------------------------------------------------------- */

static struct curve curve_at(const struct curve *curve, size_t factor)
{
    struct curve at = *curve;
    at.n *= curve->grows == GROWS_N ? factor : 1;
    at.dims *= curve->grows == GROWS_D ? factor : 1;
    at.components *= curve->grows == GROWS_K ? factor : 1;
    return at;
}

/* Least squares of the logarithm of the values on that of the sizes. */
static double fitted_power(const double value[SIZES])
{
    double products = 0, squares = 0;
    for (int j = 0; j < SIZES; j++) {
        const double x = j - (SIZES - 1) / 2.0;
        products += x * log2(value[j]);
        squares += x * x;
    }
    return products / squares;
}

static double worst_growth(const double value[SIZES], double power)
{
    double worst = 0;
    for (int i = 0; i < SIZES; i++) {
        for (int j = i + 1; j < SIZES; j++) {
            worst = fmax(worst, value[j] / value[i] / exp2(power * (j - i)));
        }
    }
    return worst;
}

static void print_curve(const struct curve *curve, uint64_t seed)
{
    static const char *const names[] = {"n", "D", "K"};
    const bool is_memory = curve->measure == memory_of_learner;
    const struct curve end = curve_at(curve, 1 << (SIZES - 1));
    char where[64];
    double value[SIZES];
    snprintf(where, sizeof(where), "(%zu..%zu, %zu..%zu)", curve->dims, end.dims,
             curve->components, end.components);
    if (curve->dims == end.dims) {
        snprintf(where, sizeof(where), "(%zu, %zu..%zu)", curve->dims, curve->components,
                 end.components);
    }
    printf("  %-8s %-5s %-14s %7zu..%-8zu %s^%.0f ", curve->what,
           mix_covariance_name(curve->covariance), where, curve->n, end.n,
           names[curve->grows], curve->power);
    for (int j = 0; j < SIZES; j++) {
        const struct curve at = curve_at(curve, (size_t)1 << j);
        value[j] = curve->measure(&at, seed);
        printf(" %9.3f", is_memory ? value[j] : 1e3 * value[j]);
        fflush(stdout);
    }
    const double worst = worst_growth(value, curve->power);
    printf(" %6.2f %6.2f%s\n", fitted_power(value), worst, worst > TOLERANCE ? " !" : "");
}

static const struct curve curves[] = {
    {"pass", seconds_of_pass, MIX_FULL, GROWS_N, 1, 16384, 2, 4},
    {"pass", seconds_of_pass, MIX_FULL, GROWS_N, 1, 16384, 8, 8},
    {"stored", seconds_of_stored, MIX_FULL, GROWS_N, 1, 16384, 2, 4},
    {"stored", seconds_of_stored, MIX_FULL, GROWS_N, 1, 16384, 8, 8},
    {"steady", seconds_of_steady, MIX_FULL, GROWS_N, 1, 65536, 2, 4},
    {"steady", seconds_of_steady, MIX_FULL, GROWS_N, 1, 32768, 8, 8},
    {"whole", seconds_of_whole, MIX_FULL, GROWS_N, 1, 65536, 2, 4},
    {"whole", seconds_of_whole, MIX_FULL, GROWS_N, 1, 32768, 8, 8},
    {"pass", seconds_of_pass, MIX_FULL, GROWS_D, 2, 1024, 8, 8},
    {"pass", seconds_of_pass, MIX_DIAG, GROWS_D, 1, 4096, 8, 8},
    {"pass", seconds_of_pass, MIX_FULL, GROWS_K, 1, 16384, 2, 4},
    {"pass", seconds_of_pass, MIX_FULL, GROWS_K, 1, 4096, 8, 4},
    {"pass", seconds_of_pass, MIX_FULL, GROWS_K, 1, 2048, 16, 4},
    {"pass", seconds_of_pass, MIX_DIAG, GROWS_K, 1, 4096, 8, 4},
    {"memory", memory_of_learner, MIX_FULL, GROWS_N, 0, 65536, 2, 4},
    {"memory", memory_of_learner, MIX_FULL, GROWS_N, 0, 32768, 8, 8},
};

int main(int argc, char **argv)
{
    uint64_t seed = SEED;
    int option;
    while ((option = getopt(argc, argv, "s:")) != -1) {
        if (option != 's') {
            fprintf(stderr, "usage: bench_growth [-s SEED]\n");
            return EXIT_FAILURE;
        }
        seed = strtoull(optarg, NULL, 10);
    }
    const char *const forced = getenv("MIX_KERNEL");
    if (forced != NULL && !kernel_select(forced)) {
        fprintf(stderr, "bench_growth: this machine has no kernel '%s'\n", forced);
        return EXIT_FAILURE;
    }
    bench_head("growth: ms (memory: KiB) at 1, 2, 4, 8 and 16 times the size", seed);
    printf("  kernel %s; ! more than %.0f %% over what is asked\n"
           "                 (D, K)          points             asked"
           "         1         2         4         8        16  power  worst\n",
           kernel_current()->name, 100 * (TOLERANCE - 1));
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        print_curve(&curves[i], seed);
    }
    return EXIT_SUCCESS;
}
