/* SPDX-License-Identifier: MIT
 *
 * Many small models (3,3), as a keyed stream makes them, in one process:
 *
 *     bench_many [-s SEED] [-k MODELS]
 *
 * Bytes of a warm model by part, as the allocator has them, with an empty and a half full
 * block. Then ns a point of MODELS (10,000) fed point by point in turn, beside one model
 * fed in the same way: they do not fit in any cache, so what counts is the lines of
 * memory that a point touches, and how early they are asked for. Each learner is asked
 * for some rows before its own, as the daemon does with the rows of a message.
 */
#include <malloc.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "learner.h"
#include "mix.h"
#include "rng.h"

#define SEED 7
#define MODELS 10000
#define DIMS 3
#define COMPONENTS 3
#define POOL 65536
#define BLOCK 256
/* Rows before its own that a learner is asked for, and where its row goes. */
#define AHEAD 16
#define ROW_AHEAD 8
/* Distance between means in standard deviations. */
#define SPREAD 4.0

static void need(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "bench_many: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* POOL rows of a mixture, owned by the caller. */
static double *draw_rows(uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    double means[COMPONENTS * DIMS];
    double *rows = calloc(POOL * DIMS, sizeof(double));
    need(rows != NULL, "out of memory");
    for (size_t i = 0; i < COMPONENTS * DIMS; i++) {
        means[i] = SPREAD * rng_normal(&rng);
    }
    for (size_t i = 0; i < POOL; i++) {
        const double *mean = means + rng_below(&rng, COMPONENTS) * DIMS;
        for (size_t d = 0; d < DIMS; d++) {
            rows[i * DIMS + d] = mean[d] + rng_normal(&rng);
        }
    }
    return rows;
}

static void learn(struct mix_learner *learner, const double *rows, size_t i)
{
    const struct mix_rows row = {.x = rows + i % POOL * DIMS, .n = 1, .stride = DIMS};
    size_t taken = 0;
    need(mix_learner_add(learner, &row, &taken) == MIX_OK, "add");
    if (taken == 0) {
        mix_learner_work(learner);
        need(mix_learner_add(learner, &row, &taken) == MIX_OK && taken == 1, "add");
    }
}

/* Until the warm-up is over, and then for some blocks more, the last of them full. */
static void warm_up(struct mix_learner *learner, const double *rows)
{
    struct mix_info info;
    size_t i = 0;
    do {
        learn(learner, rows, i++);
        mix_learner_info(learner, &info);
    } while (info.state != MIX_LEARNING || info.queued > 0 || i < 100 * BLOCK);
    mix_learner_work(learner);
}

/* One warm learner, and copies of it: to warm up each would show nothing else. */
static struct mix_learner **learners_new(const double *rows, size_t n,
                                         const struct mix_options *options)
{
    struct mix_learner **learners = calloc(n, sizeof(*learners));
    struct mix_learner *first = mix_learner_new(options, NULL);
    struct mix_event event;
    need(learners != NULL && first != NULL, "out of memory");
    warm_up(first, rows);
    while (mix_learner_event(first, &event)) {
    }
    const size_t size = mix_learner_encoded_size(first);
    void *bytes = malloc(size);
    need(bytes != NULL, "out of memory");
    mix_learner_encode(first, bytes);
    mix_learner_destroy(&first);
    for (size_t i = 0; i < n; i++) {
        learners[i] = mix_learner_decode(options, bytes, size, NULL);
        need(learners[i] != NULL, "out of memory");
    }
    free(bytes);
    return learners;
}

static void learners_free(struct mix_learner **learners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mix_learner_destroy(&learners[i]);
    }
    free(learners);
}

/* ---- Bytes ----------------------------------------------------------------------- */

static double heap_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

/* What it takes from the allocator, its head included. */
static size_t chunk(const void *p)
{
    return p == NULL ? 0 : malloc_usable_size((void *)(uintptr_t)p) + sizeof(size_t);
}

static size_t stats_bytes(const struct stats *stats)
{
    return chunk(stats) + chunk(stats->rho);
}

static size_t model_bytes(const struct mix_model *model)
{
    return chunk(model) + chunk(model->weights);
}

static void print_budget(const struct mix_learner *l, double all)
{
    const struct {
        const char *name;
        size_t bytes;
    } parts[] = {
        {"learner", chunk(((void *const *)l)[-1])},
        {"tail", chunk(l->tail.bins)},
        {"batches", chunk(l->batches) + chunk(l->batches->weight) +
                        stats_bytes(l->batches->open)},
        {"models", model_bytes(l->fast_model) + model_bytes(l->slow_model)},
        {"statistics", stats_bytes(l->fast) + stats_bytes(l->slow)},
        {"watch",
         chunk(l->watch) + stats_bytes(l->watch->stats) + model_bytes(l->watch->model)},
        {"scales", chunk(l->scales) + chunk(l->scales->median)},
    };
    double known = 0;
    printf("  bytes of a warm model:");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        printf(" %s %zu,", parts[i].name, parts[i].bytes);
        known += (double)parts[i].bytes;
    }
    printf(" others %.0f\n", all - known);
}

static void print_bytes(const double *rows, const struct mix_options *options)
{
    enum { MANY = 1000 };
    const double before = heap_bytes();
    struct mix_learner **learners = learners_new(rows, MANY, options);
    const double empty = (heap_bytes() - before) / MANY;
    for (size_t i = 0; i < MANY; i++) { /* all fillings of a block */
        for (size_t j = 0; j < i % BLOCK; j++) {
            learn(learners[i], rows, i + j);
        }
    }
    const double mean = (heap_bytes() - before) / MANY;
    print_budget(learners[0], empty);
    printf("  in all %.0f with an empty block, %.0f in the mean\n", empty, mean);
    learners_free(learners, MANY);
}

/* ---- Time ------------------------------------------------------------------------ */

/* Seconds a point of n learners, fed in turn: a block of each, from when a different part
 * of each block is full. */
static double time_turns(const double *rows, size_t n, const struct mix_options *options)
{
    struct mix_learner **learners = learners_new(rows, n, options);
    double best = HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i % BLOCK; j++) {
            learn(learners[i], rows, i + j);
        }
    }
    for (int round = 0; round < (n == 1 ? 1000 : 10); round++) {
        const double start = bench_clock();
        for (size_t j = 0; j < BLOCK; j++) {
            for (size_t i = 0; i < n; i++) {
                mix_learner_prefetch(learners[i + AHEAD < n ? i + AHEAD : 0]);
                mix_learner_prefetch_row(learners[i + ROW_AHEAD < n ? i + ROW_AHEAD : 0]);
                learn(learners[i], rows, j * 97 + i);
            }
        }
        best = fmin(best, bench_clock() - start);
    }
    learners_free(learners, n);
    return best / (double)(n * BLOCK);
}

int main(int argc, char **argv)
{
    uint64_t seed = SEED;
    size_t n = MODELS;
    int option;
    while ((option = getopt(argc, argv, "s:k:")) != -1) {
        switch (option) {
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'k':
            n = strtoull(optarg, NULL, 10);
            break;
        default:
            fprintf(stderr, "usage: bench_many [-s SEED] [-k MODELS]\n");
            return EXIT_FAILURE;
        }
    }
    double *rows = draw_rows(seed);
    struct mix_options options;
    mix_options_init(&options, DIMS, COMPONENTS);
    options.seed = seed;
    options.compact = true;
    options.workspace = mix_workspace_new(&options);
    need(options.workspace != NULL, "out of memory");
    bench_head("many models: (3,3), compact, fed point by point", seed);
    print_bytes(rows, &options);
    const double one = time_turns(rows, 1, &options);
    const double many = time_turns(rows, n, &options);
    printf("  one alone %.1f ns a point, %zu in turn %.1f ns: %.0f %% of the rate\n",
           1e9 * one, n, 1e9 * many, 100 * one / many);
    mix_workspace_destroy(&options.workspace);
    free(rows);
    return EXIT_SUCCESS;
}
