/* SPDX-License-Identifier: MIT
 *
 * What more threads give to one stream and to one fit, in the same run:
 *
 *     bench_threads [-s SEED] [-t THREADS]
 *
 * M points/s of the learner once warm, with blocks of 256 points and of 1024, adapt off and
 * on, and of passes of batch EM, by one thread and by THREADS (2); the best of the rounds
 * of a second, in turns. Every thread is pinned to a core of its own: else the system may
 * have two of them share one. */
#define _GNU_SOURCE
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "crew.h"
#include "em.h"
#include "kernel.h"
#include "mix.h"
#include "rng.h"
#include "search.h"

#define SEED 7
/* Of a cell of the table; its rounds are short, to find both cores free. */
#define SECONDS 1.0
#define POOL 16384
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
        fprintf(stderr, "bench_threads: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct subject subject_new(size_t dims, size_t components, uint64_t seed)
{
    struct subject s = {.dims = dims, .components = components, .seed = seed};
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    double *weights = calloc(components, sizeof(double));
    double *means = calloc(components * dims, sizeof(double));
    double *covs = calloc(components * dims * dims, sizeof(double));
    s.rows = calloc(POOL * dims, sizeof(double));
    s.points = points_new(dims, POOL);
    need(weights != NULL && means != NULL && covs != NULL && s.rows != NULL &&
             s.points != NULL,
         "out of memory");
    for (size_t k = 0; k < components; k++) {
        weights[k] = 1 / (double)components;
        for (size_t d = 0; d < dims; d++) {
            means[k * dims + d] = SPREAD * rng_normal(&rng);
            covs[(k * dims + d) * dims + d] = 1;
        }
    }
    s.truth = mix_model_new(dims, components, MIX_FULL, weights, means, covs, NULL);
    need(s.truth != NULL && mix_model_sample(s.truth, seed, POOL, s.rows) == MIX_OK,
         "no sample");
    const struct mix_rows rows = {.x = s.rows, .n = POOL, .stride = dims};
    points_append(s.points, &rows, 0, POOL);
    free(weights);
    free(means);
    free(covs);
    return s;
}

static void subject_free(struct subject *s)
{
    mix_model_destroy(&s->truth);
    points_destroy(&s->points);
    free(s->rows);
}

static struct mix_options options_of(const struct subject *s, size_t block, bool adapts,
                                     struct crew *crew)
{
    struct mix_options options;
    mix_options_init(&options, s->dims, s->components);
    options.seed = s->seed;
    options.block = block;
    options.adapt = adapts;
    options.executor = crew_executor(crew);
    return options;
}

/* Seconds of a warm learner over the pool; no number if it was challenged on the way. */
static double learn(const struct subject *s, struct mix_learner *learner)
{
    struct mix_rows rows = {.x = s->rows, .n = POOL, .stride = s->dims};
    bool is_challenged = false;
    const double start = bench_clock();
    while (rows.n > 0) {
        size_t taken;
        need(mix_learner_add(learner, &rows, &taken) == MIX_OK, "add");
        is_challenged = is_challenged || mix_learner_is_due(learner);
        mix_learner_work(learner);
        rows.x += taken * s->dims;
        rows.n -= taken;
    }
    return is_challenged ? HUGE_VAL : bench_clock() - start;
}

/* The second time: the first wakes the crew. */
static double time_learner(const struct subject *s, struct mix_learner *learner)
{
    learn(s, learner);
    return learn(s, learner);
}

/* The best of the rounds by nobody and by the crew, in turns. */
static void measure_learner(const struct subject *s, size_t block, bool adapts,
                            struct crew *crew, double best[2])
{
    struct mix_learner *learner[2];
    for (int i = 0; i < 2; i++) {
        const struct mix_options options =
            options_of(s, block, adapts, i == 0 ? NULL : crew);
        learner[i] = mix_learner_start(&options, s->truth, 1e9, NULL);
        need(learner[i] != NULL, "no learner");
        time_learner(s, learner[i]); /* fills the reservoir */
        best[i] = HUGE_VAL;
    }
    const double end = bench_clock() + SECONDS;
    for (int round = 0; round % 2 == 1 || !isfinite(best[1]) || bench_clock() < end;
         round++) {
        best[round % 2] = fmin(best[round % 2], time_learner(s, learner[round % 2]));
    }
    mix_learner_destroy(&learner[0]);
    mix_learner_destroy(&learner[1]);
}

/* Seconds of a pass of EM and the M-step after it. */
static double time_pass(const struct subject *s, struct em *em,
                        const struct prior *prior, struct mix_model *model)
{
    double start = 0;
    em_start(em, s->points, prior, model, 2, 0);
    for (int pass = 0; pass < 2; pass++) { /* the first wakes the crew */
        uint64_t budget = UINT64_MAX;
        start = bench_clock();
        em_run(em, &budget);
    }
    return bench_clock() - start;
}

static void measure_passes(const struct subject *s, struct crew *crew, double best[2])
{
    double s0[MIX_DIMENSIONS_MAX], vf[MIX_DIMENSIONS_MAX] = {0};
    const struct prior prior = {.nu0 = (double)s->dims + 2, .s0 = s0, .vf = vf};
    struct mix_model *model = mix_model_copy(s->truth);
    struct em *em[2] = {em_new(&s->truth->shape), em_new(&s->truth->shape)};
    need(model != NULL && em[0] != NULL && em[1] != NULL &&
             em_share(em[1], &s->truth->shape, crew_executor(crew)),
         "out of memory");
    for (size_t d = 0; d < s->dims; d++) {
        s0[d] = 1;
    }
    best[0] = best[1] = HUGE_VAL;
    const double end = bench_clock() + SECONDS;
    for (int round = 0; round % 2 == 1 || bench_clock() < end; round++) {
        best[round % 2] =
            fmin(best[round % 2], time_pass(s, em[round % 2], &prior, model));
    }
    em_destroy(&em[0]);
    em_destroy(&em[1]);
    mix_model_destroy(&model);
}

static void print_times(const double best[2])
{
    printf(" | %6.2f %6.2f %5.2f", 1e-6 * POOL / best[0], 1e-6 * POOL / best[1],
           best[0] / best[1]);
    fflush(stdout);
}

static void print_table(uint64_t seed, struct crew *crew, size_t threads)
{
    static const size_t shapes[][2] = {{2, 4}, {8, 8}, {16, 16}, {32, 32}};
    static const size_t blocks[] = {256, 1024};
    double best[2];
    printf("  kernel %s, full covariance; M points/s by 1 thread and by %zu, ratio\n"
           "          | learner, blocks of 256                      "
           "| blocks of 1024                              | EM pass\n"
           "          | adapt off           | adapt on            "
           "| adapt off           | adapt on            |\n",
           kernel_current()->name, threads);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct subject s = subject_new(shapes[i][0], shapes[i][1], seed);
        printf("  (%2zu,%2zu)", s.dims, s.components);
        for (size_t cell = 0; cell < 4; cell++) {
            measure_learner(&s, blocks[cell / 2], cell % 2 == 1, crew, best);
            print_times(best);
        }
        measure_passes(&s, crew, best);
        print_times(best);
        printf("\n");
        subject_free(&s);
    }
}

/* Each thread to a core of its own. */
static void pin(void *argument, size_t part, size_t thread)
{
    atomic_bool *is_pinned = argument;
    cpu_set_t own;
    (void)part;
    if (!atomic_exchange(&is_pinned[thread], true)) {
        CPU_ZERO(&own);
        CPU_SET(thread, &own);
        sched_setaffinity(0, sizeof(own), &own);
    }
}

static void pin_all(struct crew *crew)
{
    const struct mix_executor *executor = crew_executor(crew);
    atomic_bool is_pinned[CREW_MAX] = {false};
    for (size_t t = 0; t < executor->threads; t++) {
        while (!is_pinned[t]) {
            executor->run(executor, executor->threads, pin, is_pinned);
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = SEED;
    size_t threads = 2;
    int option;
    while ((option = getopt(argc, argv, "s:t:")) != -1) {
        switch (option) {
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 't':
            threads = strtoull(optarg, NULL, 10);
            break;
        default:
            fprintf(stderr, "usage: bench_threads [-s SEED] [-t THREADS]\n");
            return EXIT_FAILURE;
        }
    }
    const char *const forced = getenv("MIX_KERNEL");
    need(forced == NULL || kernel_select(forced), "this machine has no such kernel");
    need(threads >= 1 && threads <= CREW_MAX, "so many threads are no crew");
    struct crew *crew = crew_new(threads);
    need(crew != NULL, "no threads");
    pin_all(crew);
    bench_head("threads: what they give to one stream and one fit", seed);
    print_table(seed, crew, threads);
    crew_destroy(&crew);
    return EXIT_SUCCESS;
}
