/* SPDX-License-Identifier: MIT
 *
 * Speed of one EM pass and of the online step, as shares of what this machine can do,
 * measured in the same run:
 *
 *     bench_kernel [-s SEED] [-r ROUNDS] [-t] [LEVEL...]
 *
 * LEVEL is a row of the table of kernels (default: the best, and what share of its rate
 * the others reach; MIX_KERNEL forces one). -t adds the time of each stage. Times are the
 * best of the rounds: other load on the machine only ever adds to them. A pass is E-step
 * and sums over all points; a step is E-step, sums, blend and M-step for each 256 or 1024
 * points. `peak` counts K (D+1)(D+2) fused multiply-adds a point for full, 2 K (1 + 2 D)
 * for diag. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "bench_mixture.h"
#include "estep.h"
#include "kernel.h"
#include "stats.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Points of a pass: as many as take about a millisecond, so that the best of many passes
 * is one that nobody interrupted. */
#define BATCH_MAX 16384
#define BATCH_MIN 1024
#define BATCH_WORK 3e7 /* fused multiply-adds */
#define ROUND_NS 2e7
#define SEED 20091

static const struct config {
    enum mix_covariance covariance;
    size_t dims, components;
} configs[] = {
    {MIX_FULL, 1, 3},   {MIX_FULL, 2, 4},   {MIX_FULL, 2, 16},  {MIX_FULL, 8, 8},
    {MIX_FULL, 16, 16}, {MIX_FULL, 32, 32}, {MIX_FULL, 64, 16}, {MIX_DIAG, 1, 3},
    {MIX_DIAG, 2, 4},   {MIX_DIAG, 2, 16},  {MIX_DIAG, 8, 8},   {MIX_DIAG, 16, 16},
    {MIX_DIAG, 32, 32}, {MIX_DIAG, 64, 16}, {MIX_TIED, 8, 8},   {MIX_SPHERICAL, 8, 8},
};

/* Distance between means in standard deviations. */
static const struct data_set {
    const char *name;
    double spread;
} data_sets[] = {{"overlapping", 0.5}, {"separated", 10}};

struct bench {
    uint64_t seed;
    int rounds;
    bool shows_stages;
    double peak; /* fused multiply-adds a ns */
};

/* What is timed works on this. */
struct subject {
    const struct mix_model *truth;
    struct mix_model *model;
    struct points *points;
    struct estep *estep;
    struct sums *sums;
    struct stats *stats;
    struct prior prior;
    size_t per_step; /* blocks */
    size_t n;        /* points */
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ---- The peak of the machine --------------------------------------------------- */

#define CHAINS 12 /* independent sums: two units, latency of four to six */
#define PEAK_LOOPS 20000

/* How fast CHAINS vectors of `lanes` doubles are multiplied and added. */
#define PEAK(name, features, vector, lanes, set, multiply_add)                           \
    features static double name(void)                                                    \
    {                                                                                    \
        vector sum[CHAINS];                                                              \
        const vector a = set(0.999), b = set(1e-3);                                      \
        double lane[lanes], total = 0;                                                   \
        for (int j = 0; j < CHAINS; j++) {                                               \
            sum[j] = set((double)j);                                                     \
        }                                                                                \
        const double start = now_ns();                                                   \
        for (int i = 0; i < PEAK_LOOPS; i++) {                                           \
            _Pragma("GCC unroll 12") for (int j = 0; j < CHAINS; j++)                    \
            {                                                                            \
                sum[j] = multiply_add(sum[j], a, b);                                     \
            }                                                                            \
        }                                                                                \
        const double time = now_ns() - start;                                            \
        for (int j = 0; j < CHAINS; j++) {                                               \
            memcpy(lane, &sum[j], sizeof(lane));                                         \
            total += lane[0];                                                            \
        }                                                                                \
        /* Never 0; without it the loop would be left out. */                            \
        return total == 0 ? 0 : (double)(lanes)*PEAK_LOOPS * CHAINS / time;              \
    }

#ifdef __x86_64__
#define TARGET(features) __attribute__((target(features)))
#define NO_FMA(a, b, c) _mm_add_pd(_mm_mul_pd(a, b), c)
PEAK(peak_8, TARGET("avx512f"), __m512d, 8, _mm512_set1_pd, _mm512_fmadd_pd)
PEAK(peak_4, TARGET("avx2,fma"), __m256d, 4, _mm256_set1_pd, _mm256_fmadd_pd)
PEAK(peak_2, , __m128d, 2, _mm_set1_pd, NO_FMA)
#else
#define FMA(a, b, c) vfmaq_f64(c, a, b)
PEAK(peak_2, , float64x2_t, 2, vdupq_n_f64, FMA)
#endif

static double measure_peak(const char *level)
{
    double best = 0;
    for (int i = 0; i < 200; i++) {
        double rate = 0;
#ifdef __x86_64__
        rate = strcmp(level, "v4") == 0   ? peak_8()
               : strcmp(level, "v3") == 0 ? peak_4()
                                          : 0;
#endif
        rate = rate == 0 ? peak_2() : rate;
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- Subjects ------------------------------------------------------------------ */

static double multiply_adds(const struct config *config)
{
    const double d = (double)config->dims, k = (double)config->components;
    const bool is_full = config->covariance == MIX_FULL || config->covariance == MIX_TIED;
    return is_full ? k * (d + 1) * (d + 2) : 2 * k * (1 + 2 * d);
}

static size_t batch_of(const struct config *config)
{
    const double n = BATCH_WORK / multiply_adds(config);
    const double limited = fmax(BATCH_MIN, fmin(BATCH_MAX, n));
    return (size_t)limited / BATCH_MIN * BATCH_MIN;
}

static struct subject subject_new(const struct config *config, double spread,
                                  uint64_t seed)
{
    static double s0[MIX_DIMENSIONS_MAX], vf[MIX_DIMENSIONS_MAX];
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    struct subject s = {.truth = bench_mixture(config->covariance, config->dims,
                                               config->components, spread, &rng),
                        .per_step = 1,
                        .n = batch_of(config)};
    s.model = mix_model_copy(s.truth);
    s.points = bench_points(s.truth, seed, s.n);
    s.estep = estep_new(&s.model->shape);
    s.sums = sums_new(&s.model->shape);
    s.stats = stats_new(&s.model->shape);
    for (size_t d = 0; d < MIX_DIMENSIONS_MAX; d++) {
        s0[d] = 1;
        vf[d] = 1e-12;
    }
    s.prior = (struct prior){.nu0 = (double)config->dims + 2, .s0 = s0, .vf = vf};
    return s;
}

static void subject_free(struct subject *s)
{
    struct mix_model *truth = (struct mix_model *)(uintptr_t)s->truth;
    mix_model_destroy(&truth);
    mix_model_destroy(&s->model);
    points_destroy(&s->points);
    estep_destroy(&s->estep);
    sums_destroy(&s->sums);
    stats_destroy(&s->stats);
}

/* ---- What is timed ------------------------------------------------------------- */

static void run_pass(struct subject *s)
{
    sums_clear(s->sums);
    for (size_t j = 0; j < points_blocks(s->points); j++) {
        estep_run(s->estep, s->model, points_block(s->points, j));
        sums_add(s->sums, s->estep, s->model, points_block(s->points, j));
    }
}

static void run_estep(struct subject *s)
{
    for (size_t j = 0; j < points_blocks(s->points); j++) {
        estep_run(s->estep, s->model, points_block(s->points, j));
    }
}

static void run_sums(struct subject *s)
{
    sums_clear(s->sums);
    for (size_t j = 0; j < points_blocks(s->points); j++) {
        sums_add(s->sums, s->estep, s->model, points_block(s->points, j));
    }
}

static void run_updates(struct subject *s)
{
    for (size_t j = 0; j < points_blocks(s->points); j += s->per_step) {
        stats_blend(s->stats, s->model, s->sums, 0.01);
        if (stats_mstep(s->stats, 1e4, &s->prior, s->model, NULL) != MIX_OK) {
            abort();
        }
    }
}

static void run_steps(struct subject *s)
{
    for (size_t j = 0; j < points_blocks(s->points); j++) {
        if (j % s->per_step == 0) {
            sums_clear(s->sums);
        }
        estep_run(s->estep, s->model, points_block(s->points, j));
        sums_add(s->sums, s->estep, s->model, points_block(s->points, j));
        if (j % s->per_step == s->per_step - 1) {
            stats_blend(s->stats, s->model, s->sums, 0.01);
            if (stats_mstep(s->stats, 1e4, &s->prior, s->model, NULL) != MIX_OK) {
                abort();
            }
        }
    }
}

/* Best time of one call over all points, ns a point. */
static double time_of(void (*run)(struct subject *), struct subject *s, int rounds)
{
    double best = HUGE_VAL;
    for (int round = 0; round < rounds; round++) {
        const double start = now_ns();
        double last = start, now;
        do {
            run(s);
            now = now_ns();
            best = now - last < best ? now - last : best;
            last = now;
        } while (now - start < ROUND_NS);
    }
    return best / (double)s->n;
}

/* ---- The table ----------------------------------------------------------------- */

static void print_row(const struct bench *bench, const struct config *config,
                      const struct data_set *data)
{
    struct subject s = subject_new(config, data->spread, bench->seed);
    const double k = (double)config->components;
    run_pass(&s);
    stats_blend(s.stats, s.model, s.sums, 1);
    const double pass = time_of(run_pass, &s, bench->rounds);
    const double estep = bench->shows_stages ? time_of(run_estep, &s, bench->rounds) : 0;
    const double sums = bench->shows_stages ? time_of(run_sums, &s, bench->rounds) : 0;
    const double update =
        bench->shows_stages ? time_of(run_updates, &s, bench->rounds) : 0;
    const double step = time_of(run_steps, &s, bench->rounds);
    s.per_step = 4;
    const double longer = time_of(run_steps, &s, bench->rounds);
    printf("%-9s %3zu %3zu  %-11s %8.3f %9.3f %6.1f %9.3f %6.1f %6.1f",
           mix_covariance_name(config->covariance), config->dims, config->components,
           data->name, pass / k, 1e3 / pass,
           100 * multiply_adds(config) / (pass * bench->peak), 1e3 / step,
           100 * pass / step, 100 * pass / longer);
    if (bench->shows_stages) {
        printf("  | %7.3f %7.3f %8.3f us", estep / k, sums / k,
               update * BLOCK_POINTS / 1e3);
    }
    printf("\n");
    fflush(stdout);
    subject_free(&s);
}

static void print_machine(const struct bench *bench)
{
    struct utsname name;
    char line[256] = "", model[256] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "model name : %255[^\n]", model) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (uname(&name) == 0) {
        printf("# %s, %s %s\n", model, name.sysname, name.machine);
    }
    printf("# compiler %s, flags %s\n", __VERSION__, BENCH_CFLAGS);
    printf("# seed %llu, %d rounds, one core\n", (unsigned long long)bench->seed,
           bench->rounds);
}

static void print_table(struct bench *bench, const char *level)
{
    bench->peak = measure_peak(level);
    printf("# kernel %s, peak %.1f G fused multiply-adds a second\n", level, bench->peak);
    printf("#            D   K  data        ns/(pt k)   Mpt/s  %%peak  step 256  %%pass  "
           "1024%%%s\n",
           bench->shows_stages ? "  | estep    sums   update" : "");
    for (size_t i = 0; i < COUNT(configs); i++) {
        for (size_t j = 0; j < COUNT(data_sets); j++) {
            print_row(bench, &configs[i], &data_sets[j]);
        }
    }
}

/* ---- The levels beside each other ---------------------------------------------- */

#define LEVELS_MAX 8 /* rows of the table of kernels, at most */

/* What a level is to reach of the rate of v4, percent. */
static const struct goal {
    const char *level;
    double share;
} goals[] = {{"v3", 55}, {"baseline", 22}};

static double goal_of(const char *level)
{
    for (size_t i = 0; i < COUNT(goals); i++) {
        if (strcmp(goals[i].level, level) == 0) {
            return goals[i].share;
        }
    }
    return 0;
}

/* ns a point of a pass on every level, in turns, so that what else the machine does
 * meets all of them alike. */
static void pass_on_levels(const struct bench *bench, const struct config *config,
                           const struct data_set *data, double pass[LEVELS_MAX])
{
    const struct kernel *const *level = kernel_table();
    for (size_t j = 0; level[j] != NULL; j++) {
        pass[j] = HUGE_VAL;
    }
    for (int round = 0; round < bench->rounds; round++) {
        for (size_t j = 0; level[j] != NULL; j++) {
            if (!kernel_select(level[j]->name)) {
                abort(); /* it is in the table */
            }
            struct subject s = subject_new(config, data->spread, bench->seed);
            pass[j] = fmin(pass[j], time_of(run_pass, &s, 1));
            subject_free(&s);
        }
    }
}

static void print_shares_row(const struct bench *bench, const struct config *config,
                             const struct data_set *data)
{
    const struct kernel *const *level = kernel_table();
    double pass[LEVELS_MAX];
    pass_on_levels(bench, config, data, pass);
    printf("%-9s %3zu %3zu  %-11s %10.3f", mix_covariance_name(config->covariance),
           config->dims, config->components, data->name, 1e3 / pass[0]);
    for (size_t j = 1; level[j] != NULL; j++) {
        const double share = 100 * pass[0] / pass[j];
        const bool is_short =
            strcmp(level[0]->name, "v4") == 0 && share < goal_of(level[j]->name);
        printf("  %7.1f%s", share, is_short ? "!" : " ");
    }
    printf("\n");
    fflush(stdout);
}

/* What the arithmetic of the machine allows. */
static void print_peaks(void)
{
    const struct kernel *const *level = kernel_table();
    const double best = measure_peak(level[0]->name);
    printf("%-30s %8.1f G", "peak", best);
    for (level++; *level != NULL && strcmp((*level)->name, "reference") != 0; level++) {
        printf("  %7.1f ", 100 * measure_peak((*level)->name) / best);
    }
    printf("\n");
}

static void print_shares(const struct bench *bench)
{
    const struct kernel *const *level = kernel_table();
    printf(
        "# the levels: M points/s of a pass with %s, and the percentage of it that the "
        "others\n# reach; ! below what is asked:",
        level[0]->name);
    for (size_t i = 0; i < COUNT(goals); i++) {
        printf(" %s %.0f", goals[i].level, goals[i].share);
    }
    printf("\n#            D   K  data             %5s", level[0]->name);
    for (level++; *level != NULL; level++) {
        printf(" %9s", (*level)->name);
    }
    printf("\n");
    print_peaks();
    for (size_t i = 0; i < COUNT(configs); i++) {
        for (size_t j = 0; j < COUNT(data_sets); j++) {
            print_shares_row(bench, &configs[i], &data_sets[j]);
        }
    }
    kernel_select(NULL);
}

int main(int argc, char **argv)
{
    struct bench bench = {.seed = SEED, .rounds = 3};
    int option;
    while ((option = getopt(argc, argv, "s:r:t")) != -1) {
        switch (option) {
        case 's':
            bench.seed = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            bench.rounds = atoi(optarg);
            break;
        case 't':
            bench.shows_stages = true;
            break;
        default:
            fprintf(stderr,
                    "usage: bench_kernel [-s SEED] [-r ROUNDS] [-t] [LEVEL...]\n");
            return EXIT_FAILURE;
        }
    }
    const char *const forced = getenv("MIX_KERNEL");
    if (forced != NULL && !kernel_select(forced)) {
        fprintf(stderr, "bench_kernel: this machine has no kernel '%s'\n", forced);
        return EXIT_FAILURE;
    }
    print_machine(&bench);
    if (optind == argc) {
        print_table(&bench, kernel_current()->name);
    }
    if (optind == argc && forced == NULL) {
        print_shares(&bench);
    }
    for (int i = optind; i < argc; i++) {
        if (kernel_select(argv[i])) {
            print_table(&bench, argv[i]);
        } else {
            printf("# this machine has no kernel '%s'\n", argv[i]);
        }
    }
    return EXIT_SUCCESS;
}
