/* SPDX-License-Identifier: MIT
 *
 * A learner that is lent threads gives the bits of one that is not: for every covariance
 * type and for mixed fields, on every kernel, when the number of threads changes at a
 * checkpoint, and in a batch fit. More threads than a machine has cores are not tried
 * here, where they would only wait: test_estep.c does, by turns. */
#include "crew.h"
#include "kernel.h"
#include "mixture.h"

enum { WARMUP = 600, N_FIT = 12000 };

static const struct {
    size_t dims, components;
    enum mix_covariance covariance;
    bool is_mixed; /* every second field is a count */
    double hole_share;
    size_t block;
} shapes[] = {
    {8, 8, MIX_FULL, false, 0, 256},   {16, 5, MIX_FULL, false, 0, 256},
    {12, 9, MIX_DIAG, false, 0, 256},  {12, 7, MIX_SPHERICAL, false, 0, 256},
    {10, 6, MIX_TIED, false, 0, 256},  {8, 8, MIX_FULL, false, 0.01, 256},
    {12, 8, MIX_DIAG, true, 0, 256},   {8, 8, MIX_FULL, false, 0, 700},
    {10, 6, MIX_TIED, false, 0.01, 512}, {12, 8, MIX_DIAG, true, 0, 300},
    {2, 3, MIX_FULL, false, 0, 4400},
};

/* Points of the stream: the warm-up, and some blocks. */
static size_t n_of(size_t row)
{
    const size_t blocks = 2 * shapes[row].block;
    return WARMUP + 300 + (blocks < 1500 ? 1500 : blocks);
}

/* Points of a random mixture, some without a value. */
struct stream {
    struct sample sample;
    enum mix_family families[MIX_DIMENSIONS_MAX];
    struct mix_options options;
};

static struct stream stream_new(size_t row, size_t n)
{
    const size_t dims = shapes[row].dims;
    struct stream stream = {0};
    struct mix_model *truth = mixture_random(dims, shapes[row].components, 3, 5);
    struct rng rng = rng_at(6, RNG_TEST, row);
    stream.sample = sample_draw(truth, 7, n);
    for (size_t i = 0; i < n * dims; i++) {
        const bool is_count = shapes[row].is_mixed && i % dims % 2 == 1;
        double *x = &stream.sample.x[i];
        *x = is_count ? floor(fabs(*x) * 2) : *x;
        *x = rng_uniform(&rng) < shapes[row].hole_share ? (double)NAN : *x;
    }
    mix_model_destroy(&truth);
    return stream;
}

static void set_options(struct stream *stream, size_t row)
{
    struct mix_options *options = &stream->options;
    mix_options_init(options, shapes[row].dims, shapes[row].components);
    options->covariance = shapes[row].covariance;
    options->marginalize = shapes[row].hole_share > 0;
    options->warmup = WARMUP;
    options->block = shapes[row].block;
    for (size_t d = 0; d < shapes[row].dims; d++) {
        stream->families[d] = d % 2 == 1 ? MIX_POISSON : MIX_GAUSSIAN;
    }
    options->families = shapes[row].is_mixed ? stream->families : NULL;
}

static void learn(struct mix_learner *learner, const struct stream *stream, size_t first,
                  size_t end)
{
    struct mix_rows rows = sample_rows(&stream->sample);
    rows.x += first * rows.stride;
    rows.n = end - first;
    while (rows.n > 0) {
        size_t taken;
        require(mix_learner_add(learner, &rows, &taken) == MIX_OK);
        rows.x += taken * rows.stride;
        rows.n -= taken;
        mix_learner_work(learner);
    }
}

/* The encoded state after the stream of n points. Half way it is stored, and goes on with
 * other threads. */
static uint8_t *state_after(struct stream *stream, size_t n, struct crew *before,
                            struct crew *after, size_t *size)
{
    stream->options.executor = crew_executor(before);
    struct mix_learner *learner = mix_learner_new(&stream->options, NULL);
    require(learner != NULL);
    learn(learner, stream, 0, n / 2 + 100); /* a block is open */
    *size = mix_learner_encoded_size(learner);
    uint8_t *bytes = malloc(*size);
    require(bytes != NULL);
    mix_learner_encode(learner, bytes);
    mix_learner_destroy(&learner);
    stream->options.executor = crew_executor(after);
    learner = mix_learner_decode(&stream->options, bytes, *size, NULL);
    free(bytes);
    require(learner != NULL);
    learn(learner, stream, n / 2 + 100, n);
    *size = mix_learner_encoded_size(learner);
    bytes = malloc(*size);
    require(bytes != NULL);
    mix_learner_encode(learner, bytes);
    mix_learner_destroy(&learner);
    return bytes;
}

START_TEST(threads_change_no_bit_of_a_learner)
{
    const size_t n = n_of((size_t)_i);
    struct stream stream = stream_new((size_t)_i, n);
    struct crew *two = crew_new(2), *three = crew_new(3);
    set_options(&stream, (size_t)_i);
    /* Every kernel for the first shape; for the others the best will do. */
    for (size_t level = 0; kernel_table()[level] != NULL && (level == 0 || _i == 0); level++) {
        ck_assert(kernel_select(kernel_table()[level]->name));
        size_t size, other_size;
        uint8_t *alone = state_after(&stream, n, NULL, NULL, &size);
        uint8_t *other = state_after(&stream, n, two, three, &other_size);
        ck_assert_uint_eq(other_size, size);
        ck_assert_msg(memcmp(other, alone, size) == 0, "%s, shape %d",
                      kernel_table()[level]->name, _i);
        free(other);
        free(alone);
    }
    crew_destroy(&two);
    crew_destroy(&three);
    free(stream.sample.x);
}
END_TEST

static struct mix_model *fit(struct stream *stream, struct crew *crew)
{
    const struct mix_rows rows = sample_rows(&stream->sample);
    struct mix_fit_options fit;
    mix_fit_options_init(&fit);
    fit.starts = 2;
    fit.max_iterations = 5;
    stream->options.executor = crew_executor(crew);
    struct mix_model *model = mix_fit(&stream->options, &fit, &rows, NULL, NULL, NULL);
    require(model != NULL);
    return model;
}

START_TEST(threads_change_no_bit_of_a_batch_fit)
{
    enum { ROW = 0 };
    struct stream stream = stream_new(ROW, N_FIT); /* eleven parts */
    set_options(&stream, ROW);
    struct mix_model *alone = fit(&stream, NULL);
    for (size_t threads = 2; threads <= 3; threads++) {
        struct crew *crew = crew_new(threads);
        struct mix_model *other = fit(&stream, crew);
        const size_t dims = shapes[ROW].dims, components = shapes[ROW].components;
        ck_assert(memcmp(mix_model_means(other), mix_model_means(alone),
                         components * dims * sizeof(double)) == 0);
        ck_assert(memcmp(mix_model_covariances(other), mix_model_covariances(alone),
                         mix_model_covariance_size(alone) * sizeof(double)) == 0);
        mix_model_destroy(&other);
        crew_destroy(&crew);
    }
    mix_model_destroy(&alone);
    free(stream.sample.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(threads_change_no_bit_of_a_learner, shapes),
        UNIT(threads_change_no_bit_of_a_batch_fit),
    };
    return unit_run("threads", tests, COUNT(tests));
}
