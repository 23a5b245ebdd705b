/* SPDX-License-Identifier: MIT
 *
 * Any learner through any sequence of hostile streams, one after another: after each of
 * them every number is finite, every covariance positive definite, every row accounted
 * for, and the encoded state is taken back and goes on to the same bits. */
#include "mixture.h"

#define D_MAX 3
#define REGIMES 5
#define ROWS_MAX 3000

/* ---- Streams ------------------------------------------------------------- */

typedef double stream_fn(struct rng *rng, size_t i, size_t d);

static double normal(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return rng_normal(rng);
}

static double one_point(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    (void)i;
    return 1 + (double)d;
}

static double few_points(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    return (double)(i % 3) * (1 + (double)d);
}

static double a_constant_field(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return d == 0 ? 7 : rng_normal(rng);
}

static double tiny(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 1e-300 * rng_normal(rng);
}

static double huge(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 9e149 * (2 * rng_uniform(rng) - 1);
}

static double too_large(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 1e300 * rng_normal(rng);
}

static double denormal(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 5e-324 * floor(9 * rng_uniform(rng));
}

static double positive(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 1e-3 - log(rng_uniform(rng));
}

static double counts(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return floor(4 * rng_uniform(rng));
}

static double bits(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return floor(2 * rng_uniform(rng));
}

static double exponential_of_all(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return exp(90 * rng_normal(rng));
}

static double heavy_tails(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return pow(rng_uniform(rng), -9) * (rng_uniform(rng) < 0.5 ? -1 : 1);
}

static double an_outlier(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return i % 1000 == 500 ? -1e140 : rng_normal(rng);
}

static double far_away(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    (void)d;
    return 1e15 + rng_normal(rng);
}

static double collinear(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    return sin(2.5 * (double)i) * (1 + (double)d);
}

static double scales_apart(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return (d == 0 ? 1e-140 : 1e140) * rng_normal(rng);
}

static double missing(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    (void)i;
    (void)d;
    return (double)NAN;
}

static double gaps(struct rng *rng, size_t i, size_t d)
{
    return (i + d) % 2 == 0 ? (double)NAN : rng_normal(rng);
}

static double infinite(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return i % 10 == 0 ? (double)INFINITY : rng_normal(rng);
}

static stream_fn *const streams[] = {
    normal,       one_point, few_points, a_constant_field,   tiny,        huge,
    too_large,    denormal,  positive,   counts,             bits,        missing,
    gaps,         infinite,  an_outlier, exponential_of_all, heavy_tails, far_away,
    scales_apart, collinear,
};

/* ---- Weights and times --------------------------------------------------- */

/* Weights: none, some zero, all sizes, or bad. */
static double hostile_weight(struct rng *rng, unsigned kind)
{
    const double u = rng_uniform(rng);
    const double bad[] = {-1, (double)NAN, (double)INFINITY, 0, 1};
    return kind == 1   ? (u < 0.5 ? 0 : 1)
           : kind == 2 ? pow(10, 30 * u - 15)
           : kind == 3 ? bad[(size_t)(5 * u)]
                       : 1;
}

/* Times: a clock that stands, runs backwards, jumps a century, or is bad. */
static double hostile_time(struct rng *rng, unsigned kind, size_t i)
{
    const double century = 3.2e9;
    const double bad[] = {(double)NAN, (double)INFINITY, -1e300, 1e300, 0};
    return kind == 1   ? 0
           : kind == 2 ? -(double)i
           : kind == 3 ? (i % 100 == 50 ? century : 1e-3 * (double)i)
           : kind == 4 ? bad[(size_t)(5 * rng_uniform(rng))]
                       : 0.01 * (double)i;
}

/* ---- Learners ------------------------------------------------------------ */

static unsigned pick(struct rng *rng, unsigned n)
{
    return (unsigned)(n * rng_uniform(rng));
}

static void choose_memory(struct rng *rng, struct mix_options *options)
{
    switch (pick(rng, 6)) {
    case 0:
        options->window = 300;
        break;
    case 1:
        options->half_life = 5;
        break;
    case 2:
        options->step_exponent = 0.6;
        options->step_offset = 2;
        break;
    case 3:
        options->adapt = false;
        break;
    default:
        break;
    }
}

static void choose(struct rng *rng, struct mix_options *options,
                   enum mix_family families[D_MAX])
{
    mix_options_init(options, 1 + pick(rng, D_MAX), 1 + pick(rng, 4));
    options->covariance = (enum mix_covariance)pick(rng, MIX_COVARIANCES);
    options->components_max = pick(rng, 3) == 0 ? options->components + 2 : 0;
    options->marginalize = pick(rng, 2) == 0;
    options->compact = pick(rng, 4) == 0;
    options->warmup = pick(rng, 2) == 0 ? 600 : 0;
    choose_memory(rng, options);
    const bool is_mixed = pick(rng, 2) == 0;
    for (size_t d = 0; d < D_MAX; d++) {
        families[d] = is_mixed ? (enum mix_family)pick(rng, MIX_FAMILIES) : families[0];
    }
    if (is_mixed) {
        options->families = families;
    } else if (pick(rng, 2) == 0) {
        options->family = (enum mix_family)pick(rng, MIX_FAMILIES);
    }
}

/* Those that found a mistake, and from SEEDS on any: $MIXD_TEST_SEED tries so many. */
static const uint64_t seeds[] = {38,  48,  51,  57,  60,  62,  79,  92,   97,   135,
                                 140, 143, 164, 203, 210, 228, 300, 395,  455,  529,
                                 560, 684, 850, 853, 878, 882, 918, 1044, 1212, 1476};
#define SEEDS COUNT(seeds)
#define MORE 12

static uint64_t seed_of(size_t i)
{
    return i < SEEDS ? seeds[i] : 10000 + i;
}

/* ---- What must hold ------------------------------------------------------ */

/* The parameters, as mix_model_make() takes them. */
static double *parameters_of(const struct mix_model *model)
{
    const size_t k = mix_model_components(model);
    double *all = calloc(k * D_MAX * 3 * MIX_CATEGORIES_MAX, sizeof(*all));
    size_t n = 0;
    for (size_t d = 0; d < mix_model_dimensions(model); d++) {
        for (size_t i = 0, size; (size = mix_model_parameter_size(model, d, i)) > 0; i++) {
            mix_model_parameter(model, d, i, all + n);
            n += k * size;
        }
    }
    return all;
}

/* A model is sound when its own parameters make one. */
static void assert_model(const struct mix_model *model, const struct mix_options *options)
{
    struct mix_options same = *options;
    enum mix_err err;
    same.components = mix_model_components(model);
    same.components_max = 0;
    const double *const w = mix_model_weights(model);
    double *const all = mix_model_is_gaussian(model) ? NULL : parameters_of(model);
    struct mix_model *copy =
        all != NULL ? mix_model_make(&same, w, all, &err)
                    : mix_model_new(same.dimensions, same.components, same.covariance, w,
                                    mix_model_means(model), mix_model_covariances(model),
                                    &err);
    ck_assert_msg(copy != NULL, "%s", mix_strerror(err));
    mix_model_destroy(&copy);
    free(all);
}

static void assert_scores(const struct mix_learner *learner, const double *x)
{
    double score, tail;
    ck_assert_int_eq(mix_learner_score(learner, x, &score, &tail), MIX_OK);
    ck_assert(isfinite(score) && tail > 0 && tail < 1);
}

/* What a restart makes of the learner takes its place. */
static void restart(struct mix_learner **learner, const struct mix_options *options)
{
    size_t size;
    enum mix_err err;
    unsigned char *bytes = state_bytes(*learner, &size);
    struct mix_learner *next = mix_learner_decode(options, bytes, size, &err);
    ck_assert_msg(next != NULL, "%s", mix_strerror(err));
    assert_same_state(*learner, next);
    mix_learner_destroy(learner);
    *learner = next;
    free(bytes);
}

static void feed_hostile(struct rng *rng, struct mix_learner *learner, size_t dims)
{
    static double x[ROWS_MAX * D_MAX], weight[ROWS_MAX], time[ROWS_MAX];
    stream_fn *const stream = streams[pick(rng, COUNT(streams))];
    const size_t n = 1 + pick(rng, ROWS_MAX - 1);
    const unsigned weights = pick(rng, 8), times = pick(rng, 5);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < dims; d++) {
            x[i * dims + d] = stream(rng, i, d);
        }
        weight[i] = hostile_weight(rng, weights);
        time[i] = hostile_time(rng, times, i);
    }
    const struct mix_rows rows = {x, n, dims, weights > 3 ? NULL : weight, time};
    feed_rows(learner, rows);
}

START_TEST(nothing_that_comes_breaks_a_learner)
{
    struct rng rng = rng_at(seed_of((size_t)_i), RNG_TEST, 7);
    struct mix_options options;
    enum mix_family families[D_MAX] = {MIX_GAUSSIAN};
    choose(&rng, &options, families);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    ck_assert_ptr_nonnull(learner);
    for (size_t part = 0; part < REGIMES; part++) {
        feed_hostile(&rng, learner, options.dimensions);
        const struct mix_model *model = mix_learner_model(learner);
        if (model != NULL) {
            const double x[D_MAX] = {1, 1e150, 0};
            assert_model(model, &options);
            assert_scores(learner, x);
        }
        restart(&learner, &options);
    }
    mix_learner_finish(learner);
    restart(&learner, &options);
    mix_learner_destroy(&learner);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {{nothing_that_comes_breaks_a_learner, SEEDS + unit_seed(MORE)}};
    return unit_run("hostile", tests, COUNT(tests));
}
