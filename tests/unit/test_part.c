/* SPDX-License-Identifier: MIT
 *
 * A state kept in parts: those that changed, with the others as they were, are the state
 * at any row; and damage is found. */
#include "encode.h"
#include "mixture.h"

enum { D = 3, K = 2, N = 3000, PARTS_MAX = 200 };

/* Parts as somebody keeps them. */
struct kept {
    struct mix_part part[PARTS_MAX]; /* views of `bytes` */
    unsigned char *bytes[PARTS_MAX];
    size_t n;
    uint64_t changes;
    size_t written; /* bytes, of the last keep() */
};

static void drop(struct kept *kept, size_t from)
{
    for (size_t i = from; i < kept->n; i++) {
        free(kept->bytes[i]);
        kept->bytes[i] = NULL;
    }
    kept->n = kept->n < from ? kept->n : from;
}

static void keep(struct kept *kept, const struct mix_learner *learner)
{
    const size_t n = mix_learner_parts(learner);
    ck_assert_uint_le(n, PARTS_MAX);
    drop(kept, n);
    kept->written = 0;
    for (size_t i = 0; i < n; i++) {
        if (i < kept->n && !mix_learner_part_changed(learner, i, kept->changes)) {
            continue;
        }
        const size_t size = mix_learner_part_size(learner, i);
        free(kept->bytes[i]);
        kept->bytes[i] = malloc(size);
        mix_learner_encode_part(learner, i, kept->bytes[i]);
        kept->part[i] = (struct mix_part){kept->bytes[i], size};
        kept->written += size;
    }
    kept->n = n;
    kept->changes = mix_learner_changes(learner);
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
 * never encoded. */
START_TEST(parts_go_on_like_the_whole)
{
    const struct mix_options options = small_options();
    struct sample s = draw(N);
    struct kept kept = {0};
    struct mix_learner *plain = mix_learner_new(&options, NULL);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t i = 0; i < N; i += 60) {
        enum mix_err err;
        feed_rows(plain, rows_of(&s, i, 60));
        feed_rows(learner, rows_of(&s, i, 60));
        if (i == 1200) {
            mix_learner_reset(plain);
            mix_learner_reset(learner);
        }
        keep(&kept, learner);
        struct mix_learner *copy = decode(&kept, &err);
        ck_assert_int_eq(err, MIX_OK);
        assert_same_state(learner, copy);
        if (i % 300 == 0) {
            mix_learner_destroy(&learner);
            learner = copy;
            kept.changes = mix_learner_changes(learner);
        } else {
            mix_learner_destroy(&copy);
        }
    }
    assert_same_state(plain, learner);
    drop(&kept, 0);
    mix_learner_destroy(&plain);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* What changes in a learner that holds its sample does not grow with the sample. */
START_TEST(few_parts_change_late)
{
    enum { LATE = 100000, MORE = 100, ROW = 8 * D };
    const struct mix_options options = small_options();
    struct sample s = draw(LATE + MORE);
    struct kept kept = {0};
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, rows_of(&s, 0, LATE));
    keep(&kept, learner);
    ck_assert_uint_gt(kept.written, 8192 * ROW);
    const size_t head = kept.part[0].size;
    feed_rows(learner, rows_of(&s, LATE, MORE));
    keep(&kept, learner);
    /* 100 rows replace 8.2 +- 2.9 of the 8192 rows. */
    ck_assert_uint_le(kept.written, head + 25 * (PAGE_POINTS * ROW + 100));
    ck_assert_uint_lt(head, mix_learner_encoded_size(learner) / 5);
    drop(&kept, 0);
    mix_learner_destroy(&learner);
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
    keep(&kept, learner);
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
    struct kept kept = parts_at(300);
    struct kept few = parts_at(30);
    ck_assert_uint_eq(kept.n, 5);
    for (size_t n = 0; n < kept.n; n++) {
        struct kept less = kept;
        less.n = n;
        assert_corrupt(&less);
    }
    struct kept wrong = kept;
    wrong.part[5] = few.part[1];
    wrong.n = 6;
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
    wrong.part[0] = kept.part[3];
    wrong.part[3] = kept.part[0];
    assert_corrupt(&wrong);
    drop(&kept, 0);
    drop(&few, 0);
}
END_TEST

START_TEST(every_damaged_byte_of_a_part_is_found)
{
    struct kept kept = parts_at(150);
    for (size_t i = 0; i < kept.n; i++) {
        unsigned char *bytes = kept.bytes[i];
        const size_t size = kept.part[i].size;
        for (size_t at = 0; at < size; at += i == 0 ? 7 : 1) {
            bytes[at] ^= (unsigned char)(1u << at % 8);
            enum mix_err err;
            ck_assert_ptr_null(decode(&kept, &err));
            ck_assert(err == MIX_ECORRUPT || err == MIX_EVERSION);
            bytes[at] ^= (unsigned char)(1u << at % 8);
        }
        for (size_t cut = 0; cut < size; cut += 1 + size / 50) {
            kept.part[i].size = cut;
            assert_corrupt(&kept);
        }
        kept.part[i].size = size;
    }
    enum mix_err err;
    struct mix_learner *learner = decode(&kept, &err);
    ck_assert_int_eq(err, MIX_OK);
    mix_learner_destroy(&learner);
    drop(&kept, 0);
}
END_TEST

START_TEST(a_whole_is_one_part)
{
    const struct mix_options options = small_options();
    struct kept kept = parts_at(150);
    enum mix_err err;
    struct mix_learner *learner = decode(&kept, &err);
    struct kept whole = {.n = 1};
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
    drop(&kept, 0);
    drop(&whole, 0);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(parts_go_on_like_the_whole),
        UNIT(few_parts_change_late),
        UNIT(wrong_parts_are_found),
        UNIT(every_damaged_byte_of_a_part_is_found),
        UNIT(a_whole_is_one_part),
    };
    return unit_run("part", tests, COUNT(tests));
}
