/* SPDX-License-Identifier: MIT
 *
 * A state kept in parts: those that changed, with the others as they were, are the state
 * at any row; and damage is found. */
#include "encode.h"
#include "mixture.h"

enum { D = 3, K = 2, N = 3000, PARTS_MAX = 300 };

/* Parts as somebody keeps them. */
struct kept {
    struct mix_part part[PARTS_MAX]; /* views of `bytes` */
    unsigned char *bytes[PARTS_MAX];
    size_t n;
    struct mix_mark mark;
    size_t written; /* bytes, of the last keep() */
};

static void drop(struct kept *kept)
{
    for (size_t i = 0; i < kept->n; i++) {
        free(kept->bytes[i]);
    }
    *kept = (struct kept){0};
}

static void keep(struct kept *kept, const struct mix_learner *learner,
                 const struct mix_options *options)
{
    const size_t n = mix_parts(options);
    ck_assert_uint_le(n, PARTS_MAX);
    kept->written = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept->n > 0 && !mix_learner_part_changed(learner, i, kept->mark)) {
            continue;
        }
        const size_t size = mix_learner_part_size(learner, i);
        free(kept->bytes[i]);
        kept->bytes[i] = size > 0 ? malloc(size) : NULL;
        if (size > 0) {
            mix_learner_encode_part(learner, i, kept->bytes[i]);
        }
        kept->part[i] = (struct mix_part){kept->bytes[i], size};
        kept->written += size;
    }
    kept->n = n;
    kept->mark = mix_learner_mark(learner);
}

static struct mix_options small_options(void)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.warmup = 500; /* the reservoir has 8192 rows however */
    options.block = 100;
    return options;
}

static struct mix_learner *decode(const struct kept *kept, enum mix_err *err)
{
    const struct mix_options options = small_options();
    return mix_learner_decode_parts(&options, kept->part, kept->n, err);
}

static struct sample draw(size_t n)
{
    struct mix_model *truth = mixture_random(D, K, 3, 71);
    const struct sample sample = sample_draw(truth, 72, n);
    mix_model_destroy(&truth);
    return sample;
}

static struct mix_rows rows_of(const struct sample *s, size_t first, size_t n)
{
    return (struct mix_rows){.x = s->x + first * D, .n = n, .stride = D};
}

/* Reborn from its parts every few rows, also over a reset, it ends like one that was
 * never encoded; over several cycles of the log, since the memory is small. */
START_TEST(parts_go_on_like_the_whole)
{
    struct mix_options options = small_options();
    options.warmup = _i == 0 ? 500 : 130;
    options.window = _i == 2 ? 400 : 0; /* then the memory is of the warm-up only */
    const size_t step = _i == 0 ? 60 : 7;
    struct sample s = draw(N);
    struct kept kept = {0};
    struct mix_learner *plain = mix_learner_new(&options, NULL);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t i = 0; i + step <= N; i += step) {
        enum mix_err err;
        feed_rows(plain, rows_of(&s, i, step));
        feed_rows(learner, rows_of(&s, i, step));
        if (i == 20 * step) {
            mix_learner_reset(plain);
            mix_learner_reset(learner);
        }
        keep(&kept, learner, &options);
        struct mix_learner *copy =
            mix_learner_decode_parts(&options, kept.part, kept.n, &err);
        ck_assert_int_eq(err, MIX_OK);
        assert_same_state(learner, copy);
        if (i % (5 * step) == 0) {
            mix_learner_destroy(&learner);
            learner = copy;
            kept.mark = mix_learner_mark(learner);
        } else {
            mix_learner_destroy(&copy);
        }
    }
    assert_same_state(plain, learner);
    drop(&kept);
    mix_learner_destroy(&plain);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* The points alone, overwritten many times over: whenever somebody looks, at random, the
 * parts of then and of before are the rows. */
START_TEST(rows_survive_many_cycles_of_the_log)
{
    enum { ROUNDS = 400 };
    const struct mix_options options = small_options();
    const uint64_t seed = unit_seed(73);
    struct rng rng = rng_at(seed, RNG_TEST, (uint64_t)_i);
    struct sample s = draw(700);
    struct kept kept = {0};
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, rows_of(&s, 0, 700));
    const size_t n = points_count(learner->memory);
    for (size_t round = 0; round < ROUNDS; round++) {
        const uint64_t writes = rng_below(&rng, round % 50 == 0 ? 9000 : 40);
        for (uint64_t k = 0; k < writes; k++) {
            const double x[D] = {(double)round, (double)k, rng_uniform(&rng)};
            points_set(learner->memory, rng_below(&rng, n), x, 1, 0);
        }
        keep(&kept, learner, &options);
        enum mix_err err;
        struct mix_learner *copy = decode(&kept, &err);
        ck_assert_msg(err == MIX_OK, "round %zu, seed %llu", round,
                      (unsigned long long)seed);
        assert_same_state(learner, copy);
        if (rng_below(&rng, 3) == 0) {
            mix_learner_destroy(&learner);
            learner = copy;
            kept.mark = mix_learner_mark(learner);
        } else {
            mix_learner_destroy(&copy);
        }
    }
    drop(&kept);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* What is written follows the rows that were replaced, however many there are. */
START_TEST(little_is_written_for_a_row)
{
    enum { EARLY = 16384, LATE = 100000, MORE = 100, ROW = 8 * D, OVERHEAD = 90 };
    const struct mix_options options = small_options();
    const size_t at[] = {EARLY, LATE};
    struct sample s = draw(LATE + MORE);
    for (size_t i = 0; i < COUNT(at); i++) {
        struct kept kept = {0};
        struct mix_learner *learner = mix_learner_new(&options, NULL);
        feed_rows(learner, rows_of(&s, 0, at[i]));
        keep(&kept, learner, &options);
        ck_assert_uint_gt(kept.written, 8192 * ROW);
        const size_t head = kept.part[0].size;
        feed_rows(learner, rows_of(&s, at[i], MORE));
        keep(&kept, learner, &options);
        /* At most all of them; the part of the log that is being written, and as many
         * pages as 32 rows make one due. */
        ck_assert_uint_le(kept.written, head + (MORE + 64) * (ROW + 18) +
                                            (MORE / 32 + 1) * (64 * ROW + OVERHEAD) +
                                            3 * OVERHEAD);
        ck_assert_uint_lt(head, mix_learner_encoded_size(learner) / 5);
        drop(&kept);
        mix_learner_destroy(&learner);
    }
    free(s.x);
}
END_TEST

static struct kept parts_at(size_t rows)
{
    const struct mix_options options = small_options();
    struct sample s = draw(rows + 1);
    struct kept kept = {0};
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, rows_of(&s, 0, rows));
    keep(&kept, learner, &options);
    mix_learner_destroy(&learner);
    free(s.x);
    return kept;
}

static void assert_corrupt(const struct kept *kept)
{
    enum mix_err err;
    ck_assert_ptr_null(decode(kept, &err));
    ck_assert_int_eq(err, MIX_ECORRUPT);
}

/* One missing, one too many, two exchanged, one of another moment. */
START_TEST(wrong_parts_are_found)
{
    struct kept kept = parts_at(300); /* a head and four pages */
    struct kept few = parts_at(30);
    for (size_t n = 0; n < kept.n; n++) {
        struct kept less = kept;
        less.n = n;
        assert_corrupt(&less);
    }
    for (size_t i = 0; i <= 4; i++) {
        struct kept less = kept;
        less.part[i] = (struct mix_part){NULL, 0};
        assert_corrupt(&less);
    }
    struct kept wrong = kept;
    wrong.part[5] = few.part[1];
    assert_corrupt(&wrong);
    wrong = kept;
    wrong.part[1] = kept.part[2];
    wrong.part[2] = kept.part[1];
    assert_corrupt(&wrong);
    wrong = kept;
    wrong.part[0] = few.part[0];
    assert_corrupt(&wrong);
    wrong = kept;
    wrong.part[4] = few.part[1];
    assert_corrupt(&wrong);
    wrong = kept;
    wrong.part[0] = kept.part[3];
    wrong.part[3] = kept.part[0];
    assert_corrupt(&wrong);
    drop(&kept);
    drop(&few);
}
END_TEST

/* Any part of the log that is missing, or of another moment. */
START_TEST(wrong_parts_of_the_log_are_found)
{
    struct kept kept = parts_at(9500), later = parts_at(11000);
    const size_t log = 1 + 8192 / PAGE_POINTS;
    size_t n = 0;
    for (size_t i = log; i < kept.n; i++) {
        struct kept wrong = kept;
        if (kept.part[i].size > 0) {
            n++;
            wrong.part[i] = (struct mix_part){NULL, 0};
            /* The pages were all written just now, so older parts are not needed. */
            if (kept.part[i + 1].size == 0 || n > 1) {
                assert_corrupt(&wrong);
            }
            wrong.part[i] = kept.part[i == log ? log + 1 : i - 1];
            assert_corrupt(&wrong);
        }
        if (later.part[i].size != kept.part[i].size) {
            wrong.part[i] = later.part[i];
            assert_corrupt(&wrong);
        }
    }
    ck_assert_uint_gt(n, 10);
    drop(&kept);
    drop(&later);
}
END_TEST

START_TEST(every_damaged_byte_of_a_part_is_found)
{
    struct kept kept = parts_at(_i == 0 ? 150 : 8500);
    for (size_t i = 0; i < kept.n; i++) {
        if (_i == 1 && i != 7 && i != 1 + 8192 / PAGE_POINTS) {
            continue; /* a page, and a part of the log */
        }
        unsigned char *bytes = kept.bytes[i];
        const size_t size = kept.part[i].size;
        for (size_t at = 0; at < size; at += i == 0 ? 7 : _i == 1 ? 97 : 1) {
            bytes[at] ^= (unsigned char)(1u << at % 8);
            enum mix_err err;
            ck_assert_ptr_null(decode(&kept, &err));
            ck_assert(err == MIX_ECORRUPT || err == MIX_EVERSION);
            bytes[at] ^= (unsigned char)(1u << at % 8);
        }
        for (size_t cut = _i == 0 ? 0 : 1; cut < size; cut += 1 + size / 20) {
            kept.part[i].size = cut;
            assert_corrupt(&kept);
        }
        kept.part[i].size = size;
    }
    enum mix_err err;
    struct mix_learner *learner = decode(&kept, &err);
    ck_assert_int_eq(err, MIX_OK);
    mix_learner_destroy(&learner);
    drop(&kept);
}
END_TEST

START_TEST(a_whole_is_one_part)
{
    const struct mix_options options = small_options();
    struct kept kept = parts_at(150);
    enum mix_err err;
    struct mix_learner *learner = decode(&kept, &err);
    struct kept whole = {.n = kept.n};
    whole.bytes[0] = state_bytes(learner, &whole.part[0].size);
    whole.part[0].bytes = whole.bytes[0];
    struct mix_learner *copy = decode(&whole, &err);
    ck_assert_int_eq(err, MIX_OK);
    assert_same_state(learner, copy);
    mix_learner_destroy(&copy);
    ck_assert_ptr_null(
        mix_learner_decode(&options, kept.part[0].bytes, kept.part[0].size, &err));
    ck_assert_int_eq(err, MIX_ECORRUPT);
    struct mix_options other = options;
    other.seed++;
    ck_assert_ptr_null(mix_learner_decode_parts(&other, kept.part, kept.n, &err));
    ck_assert_int_eq(err, MIX_EMISMATCH);
    mix_learner_destroy(&learner);
    drop(&kept);
    drop(&whole);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {parts_go_on_like_the_whole, 3},
        {rows_survive_many_cycles_of_the_log, 3},
        UNIT(little_is_written_for_a_row),
        UNIT(wrong_parts_are_found),
        UNIT(wrong_parts_of_the_log_are_found),
        {every_damaged_byte_of_a_part_is_found, 2},
        UNIT(a_whole_is_one_part),
    };
    return unit_run("part", tests, COUNT(tests));
}
