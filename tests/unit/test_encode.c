/* SPDX-License-Identifier: MIT
 *
 * The encoded state of a learner: it goes on bit for bit from any row, and damage is
 * found or harmless. */
#include "codec.h"
#include "learner.h"
#include "mixture.h"

enum { D = 2, K = 2, N = 700 };

static struct mix_options small_options(void)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.warmup = 300;
    options.block = 90;
    options.marginalize = true;
    return options;
}

/* Rows with weights, times and missing entries. */
struct stream {
    struct sample sample;
    double *weight, *time;
};

static struct stream stream_new(void)
{
    struct mix_model *truth = mixture_random(D, K, 3, 61);
    struct stream s = {.sample = sample_draw(truth, 62, N)};
    s.weight = calloc(N, sizeof(double));
    s.time = calloc(N, sizeof(double));
    for (size_t i = 0; i < N; i++) {
        s.weight[i] = 1 + (double)(i % 3);
        s.time[i] = 1e9 + (double)i;
        if (i % 13 == 0) {
            s.sample.x[i * D + i / 13 % D] = (double)NAN;
        }
    }
    mix_model_destroy(&truth);
    return s;
}

static struct mix_rows stream_rows(const struct stream *s, size_t first, size_t n)
{
    return (struct mix_rows){.x = s->sample.x + first * D,
                             .n = n,
                             .stride = D,
                             .weight = s->weight + first,
                             .time = s->time + first};
}

static void stream_clear(struct stream *s)
{
    free(s->sample.x);
    free(s->weight);
    free(s->time);
}

static struct mix_learner *reborn(const struct mix_learner *learner)
{
    size_t size;
    enum mix_err err;
    unsigned char *bytes = state_bytes(learner, &size);
    struct mix_learner *copy = mix_learner_decode(&learner->options, bytes, size, &err);
    ck_assert_int_eq(err, MIX_OK);
    assert_same_state(learner, copy);
    free(bytes);
    return copy;
}

/* A learner that is encoded and decoded at every row ends like one that never was. */
START_TEST(a_state_goes_on_from_every_row)
{
    struct mix_options options = small_options();
    options.adapt = _i == 0;
    options.window = _i == 2 ? 150 : 0;
    options.half_life = _i == 3 ? 100 : 0;
    options.step_exponent = _i == 4 ? 0.8 : 0;
    struct stream s = stream_new();
    struct mix_learner *plain = mix_learner_new(&options, NULL);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(plain, stream_rows(&s, 0, N));
    for (size_t i = 0; i < N; i++) {
        const struct mix_rows row = stream_rows(&s, i, 1);
        size_t taken;
        ck_assert_int_eq(mix_learner_add(learner, &row, &taken), MIX_OK);
        ck_assert_uint_eq(taken, 1);
        struct mix_job *job = mix_learner_job(learner);
        if (job != NULL) { /* some work is done, and lost again */
            mix_job_run(job, 500);
        }
        struct mix_learner *copy = reborn(learner);
        ck_assert((mix_learner_job(learner) != NULL) == (mix_learner_job(copy) != NULL));
        mix_learner_destroy(&learner);
        learner = copy;
        mix_learner_work(learner);
    }
    assert_same_state(plain, learner);
    mix_learner_destroy(&plain);
    mix_learner_destroy(&learner);
    stream_clear(&s);
}
END_TEST

START_TEST(a_frozen_state_stays_frozen)
{
    struct mix_options options = small_options();
    struct stream s = stream_new();
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, stream_rows(&s, 0, 64));
    mix_learner_freeze(learner);
    feed_rows(learner, stream_rows(&s, 64, 10));
    struct mix_learner *copy = reborn(learner);
    struct mix_info info;
    mix_learner_info(copy, &info);
    ck_assert_int_eq(info.state, MIX_FROZEN);
    ck_assert_uint_eq(info.frozen, 10);
    mix_learner_destroy(&learner);
    mix_learner_destroy(&copy);
    stream_clear(&s);
}
END_TEST

/* States of a new learner, of one in its warm-up and of one past it. */
static struct mix_learner *learner_at(int stage)
{
    const size_t rows[] = {0, 40, 150, 500};
    struct mix_options options = small_options();
    struct stream s = stream_new();
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, stream_rows(&s, 0, rows[stage]));
    stream_clear(&s);
    return learner;
}

static enum mix_err decode_err(const unsigned char *bytes, size_t size)
{
    struct mix_options options = small_options();
    enum mix_err err;
    struct mix_learner *learner = mix_learner_decode(&options, bytes, size, &err);
    ck_assert((learner != NULL) == (err == MIX_OK));
    mix_learner_destroy(&learner);
    return err;
}

START_TEST(every_damaged_byte_is_found)
{
    struct mix_learner *learner = learner_at(_i);
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    for (size_t i = 0; i < size; i += 1 + size / 4000) {
        const unsigned char kept = bytes[i];
        bytes[i] ^= (unsigned char)(1 << i % 8);
        ck_assert_msg(decode_err(bytes, size) != MIX_OK, "byte %zu", i);
        bytes[i] = kept;
    }
    ck_assert_int_eq(decode_err(bytes, size), MIX_OK);
    free(bytes);
    mix_learner_destroy(&learner);
}
END_TEST

START_TEST(every_other_length_is_found)
{
    struct mix_learner *learner = learner_at(_i);
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    unsigned char *longer = calloc(1, size + 100);
    memcpy(longer, bytes, size);
    for (size_t n = 0; n < size + 100;
         n += n < 100 || n > size - 100 ? 1 : 1 + size / 500) {
        if (n != size) {
            /* A copy of the exact length lets a sanitizer see every read past it. */
            unsigned char *exact = malloc(n + (n == 0));
            memcpy(exact, longer, n);
            ck_assert_msg(decode_err(exact, n) == MIX_ECORRUPT, "length %zu", n);
            free(exact);
        }
    }
    free(longer);
    free(bytes);
    mix_learner_destroy(&learner);
}
END_TEST

/* Damage under a checksum that was made to fit: found by the checks of meaning, or
 * such that the learner goes on with finite numbers. */
START_TEST(damage_with_a_fitting_checksum_is_found_or_harmless)
{
    const uint64_t seed = unit_seed(63);
    struct mix_learner *learner = learner_at(_i);
    struct mix_options options = small_options();
    struct stream s = stream_new();
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    unsigned char *damaged = malloc(size);
    struct rng rng = rng_at(seed, RNG_TEST, (uint64_t)_i);
    for (size_t round = 0; round < 500; round++) {
        memcpy(damaged, bytes, size);
        const size_t at = 32 + rng_below(&rng, size - 40);
        damaged[at] = (unsigned char)rng_below(&rng, 256);
        uint64_t sum = codec_checksum(damaged, size - 8);
        struct codec out = {.mode = CODEC_WRITE, .out = damaged, .at = size - 8};
        codec_u64(&out, &sum);
        enum mix_err err;
        struct mix_learner *copy = mix_learner_decode(&options, damaged, size, &err);
        if (copy != NULL) {
            struct mix_info before, after;
            mix_learner_info(copy, &before);
            mix_learner_thaw(copy);
            feed_rows(copy, stream_rows(&s, 0, 100));
            mix_learner_info(copy, &after);
            ck_assert_msg(after.added == before.added + 100, "seed %llu",
                          (unsigned long long)seed);
            assert_sound(copy);
        } else {
            ck_assert_int_eq(err, MIX_ECORRUPT);
        }
        mix_learner_destroy(&copy);
    }
    free(bytes);
    free(damaged);
    stream_clear(&s);
    mix_learner_destroy(&learner);
}
END_TEST

START_TEST(a_newer_version_is_named_so)
{
    struct mix_learner *learner = learner_at(1);
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    bytes[8]++;
    ck_assert_int_eq(decode_err(bytes, size), MIX_EVERSION);
    bytes[8] = 0;
    ck_assert_int_eq(decode_err(bytes, size), MIX_ECORRUPT);
    free(bytes);
    mix_learner_destroy(&learner);
}
END_TEST

static void change_seed(struct mix_options *o)
{
    o->seed++;
}
static void change_block(struct mix_options *o)
{
    o->block++;
}
static void change_components(struct mix_options *o)
{
    o->components++;
}
static void change_covariance(struct mix_options *o)
{
    o->covariance = MIX_DIAG;
}
static void change_missing(struct mix_options *o)
{
    o->marginalize = false;
}
static void change_adapt(struct mix_options *o)
{
    o->adapt = !o->adapt;
}
static void change_window(struct mix_options *o)
{
    o->window = 500;
}
static void change_half_life(struct mix_options *o)
{
    o->half_life = 1;
}
static void change_step(struct mix_options *o)
{
    o->step_exponent = 0.7;
}
static void change_resolution(struct mix_options *o)
{
    static const double none[D] = {0, 0};
    o->resolution = none;
}

START_TEST(a_state_of_other_options_is_refused)
{
    void (*const changes[])(struct mix_options *) = {
        change_seed,    change_block,     change_components, change_covariance,
        change_missing, change_step,      change_resolution, change_adapt,
        change_window,  change_half_life,
    };
    struct mix_learner *learner = learner_at(2);
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct mix_options options = small_options();
        enum mix_err err;
        changes[i](&options);
        ck_assert_ptr_null(mix_learner_decode(&options, bytes, size, &err));
        ck_assert_msg(err == MIX_EMISMATCH, "change %zu", i);
    }
    free(bytes);
    mix_learner_destroy(&learner);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {a_state_goes_on_from_every_row, 5},
        UNIT(a_frozen_state_stays_frozen),
        {every_damaged_byte_is_found, 4},
        {every_other_length_is_found, 4},
        {damage_with_a_fitting_checksum_is_found_or_harmless, 4},
        UNIT(a_newer_version_is_named_so),
        UNIT(a_state_of_other_options_is_refused),
    };
    return unit_run("encode", tests, COUNT(tests));
}
