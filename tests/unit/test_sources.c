/* SPDX-License-Identifier: MIT
 *
 * Numbers of a source: gaps are lost until they are filled, repeats are told. */
#include "sources.h"

#include "unit.h"

/* What comes, point by point as "number" or "number+count": the numbers that are new,
 * and how many are lost in the end. */
static const struct {
    const char *claim;
    struct {
        uint64_t seq, n;
        uint32_t print;
    } message[6];
    uint64_t learned, repeated, lost;
} rows[] = {
    {"in order", {{1, 10, 0}, {11, 5, 0}}, 15, 0, 0},
    {"the first one sets the mark", {{100, 10, 0}, {110, 5, 0}}, 15, 0, 0},
    {"a gap", {{1, 10, 0}, {15, 5, 0}}, 15, 0, 4},
    {"the same again", {{1, 10, 0}, {1, 10, 0}}, 10, 10, 0},
    {"everything twice", {{1, 10, 0}, {11, 5, 0}, {1, 10, 0}, {11, 5, 0}}, 15, 15, 0},
    {"an overlap", {{1, 10, 0}, {6, 10, 0}}, 15, 5, 0},
    {"out of order", {{1, 10, 0}, {21, 10, 0}, {11, 10, 0}, {31, 1, 0}}, 31, 0, 0},
    {"a gap filled in part", {{1, 1, 0}, {11, 1, 0}, {4, 3, 0}}, 5, 0, 6},
    {"across a gap", {{1, 2, 0}, {6, 2, 0}, {1, 10, 0}}, 10, 4, 0},
    {"two gaps, filled twice",
     {{1, 1, 0}, {3, 1, 0}, {5, 1, 0}, {1, 5, 0}, {1, 5, 0}},
     5,
     8,
     0},
    {"begun anew", {{1, 10, 0}, {11, 5, 0}, {1, 10, 7}, {11, 5, 0}}, 30, 0, 0},
    {"begun anew after a gap", {{1, 1, 0}, {9, 1, 0}, {1, 3, 7}, {4, 1, 0}}, 6, 0, 7},
    {"below where it began", {{100, 1, 0}, {1, 5, 0}}, 1, 5, 0},
    {"numbers past 2^63",
     {{(uint64_t)1 << 63, 2, 0}, {((uint64_t)1 << 63) + 3, 1, 0}},
     3,
     0,
     1},
    {"the last numbers there are",
     {{UINT64_MAX - 3, 2, 0}, {UINT64_MAX - 1, 1, 0}},
     3,
     0,
     0},
};

/* Passes a message run by run, at most three points at once, as rows are learned. */
static void follow(struct source *source, uint64_t seq, uint64_t n, uint64_t count[3])
{
    while (n > 0) {
        const struct source_run run = source_look(source, seq, n < 3 ? n : 3);
        ck_assert(run.n >= 1 && run.n <= n);
        count[run.is_repeat] += run.n;
        count[2] += source_pass(source, seq, run.n);
        seq += run.n;
        n -= run.n;
    }
}

START_TEST(every_number_is_learned_once)
{
    struct sources *sources = sources_new();
    struct source *source = sources_find(sources, "a");
    uint64_t count[3] = {0};
    for (size_t i = 0; i < COUNT(rows[_i].message) && rows[_i].message[i].n > 0; i++) {
        ck_assert(
            source_begin(source, rows[_i].message[i].seq, rows[_i].message[i].print));
        follow(source, rows[_i].message[i].seq, rows[_i].message[i].n, count);
    }
    ck_assert_msg(count[0] == rows[_i].learned && count[1] == rows[_i].repeated &&
                      count[2] == rows[_i].lost,
                  "%s: %llu learned, %llu repeated, %llu lost", rows[_i].claim,
                  (unsigned long long)count[0], (unsigned long long)count[1],
                  (unsigned long long)count[2]);
    sources_destroy(&sources);
    ck_assert_ptr_null(sources);
}
END_TEST

/* All numbers of 1..400 in a random order with repeats, written down and read back in
 * between: as a set would have it, as long as there are few gaps at once. */
START_TEST(shuffled_numbers_are_a_set)
{
    const uint64_t seed = unit_seed(11);
    uint64_t random = seed;
    bool has_come[400] = {false};
    struct sources *sources = sources_new();
    uint64_t base = 1, learned = 0, lost = 0;
    ck_assert(source_begin(sources_find(sources, "a"), 1, 0));
    while (base + 12 < COUNT(has_come)) {
        const uint64_t number = base + unit_random(&random) % 12;
        struct source *source = sources_find(sources, "a");
        const struct source_run run = source_look(source, number, 1);
        ck_assert_msg(run.is_repeat == has_come[number], "%llu of seed %llu",
                      (unsigned long long)number, (unsigned long long)seed);
        lost += source_pass(source, number, 1);
        learned += !run.is_repeat;
        has_come[number] = true;
        while (has_come[base]) {
            base++;
        }
        struct pack pack = {0};
        sources_pack(sources, &pack);
        struct unpack unpack = {pack.bytes, pack.size, false};
        sources_destroy(&sources);
        sources = sources_new();
        ck_assert(sources_unpack(sources, &unpack) && unpack_is_done(&unpack));
        free(pack.bytes);
    }
    uint64_t largest = COUNT(has_come) - 1;
    while (!has_come[largest]) {
        largest--;
    }
    ck_assert_uint_eq(learned + lost, largest);
    sources_destroy(&sources);
}
END_TEST

START_TEST(too_many_gaps_stay_lost)
{
    struct sources *sources = sources_new();
    struct source *source = sources_find(sources, "a");
    uint64_t count[3] = {0};
    ck_assert(source_begin(source, 1, 0));
    for (uint64_t i = 0; i <= SOURCE_GAPS + 1; i++) {
        follow(source, 1 + 2 * i, 1, count);
    }
    ck_assert_uint_eq(count[2], SOURCE_GAPS + 1);
    follow(source, 2, 1, count); /* the oldest gap was given up */
    ck_assert_uint_eq(count[1], 1);
    follow(source, 4, 1, count);
    ck_assert(count[1] == 1 && count[2] == SOURCE_GAPS);
    sources_destroy(&sources);
}
END_TEST

START_TEST(a_number_that_cannot_be_changes_nothing)
{
    struct sources *sources = sources_new();
    struct source *source = sources_find(sources, "a");
    uint64_t count[3] = {0};
    ck_assert(source_begin(source, (uint64_t)1 << 53, 0)); /* begin where you like */
    follow(source, (uint64_t)1 << 53, 5, count);
    const uint64_t next = ((uint64_t)1 << 53) + 5;
    ck_assert(!source_begin(source, next + SOURCE_LEAP_MAX + 1, 0));
    ck_assert(!source_begin(source, UINT64_MAX, 0));
    ck_assert(source_begin(source, next, 0));
    follow(source, next, 5, count);
    ck_assert(count[0] == 10 && count[1] == 0 && count[2] == 0);
    ck_assert(source_begin(source, next + 5 + SOURCE_LEAP_MAX, 0));
    follow(source, next + 5 + SOURCE_LEAP_MAX, 1, count);
    ck_assert_uint_eq(count[2], SOURCE_LEAP_MAX);
    sources_destroy(&sources);
}
END_TEST

START_TEST(one_source_too_many_is_not_followed)
{
    struct sources *sources = sources_new();
    char name[32];
    for (int i = 0; i < SOURCES_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        ck_assert_ptr_nonnull(sources_find(sources, name));
    }
    ck_assert_ptr_null(sources_find(sources, "more"));
    ck_assert_ptr_eq(sources_find(sources, "s7"), sources_find(sources, "s7"));
    ck_assert_ptr_ne(sources_find(sources, "s7"), sources_find(sources, "s8"));
    sources_destroy(&sources);
}
END_TEST

START_TEST(the_list_of_earlier_versions_is_read)
{
    struct sources *sources = sources_new();
    struct pack pack = {0};
    pack_u64(&pack, 1);
    pack_text(&pack, "a");
    pack_u64(&pack, 11);
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert(sources_unpack(sources, &unpack) && unpack_is_done(&unpack));
    const struct source_run run = source_look(sources_find(sources, "a"), 9, 5);
    ck_assert(run.is_repeat && run.n == 2);
    free(pack.bytes);
    sources_destroy(&sources);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(every_number_is_learned_once, rows),
        UNIT(shuffled_numbers_are_a_set),
        UNIT(too_many_gaps_stay_lost),
        UNIT(a_number_that_cannot_be_changes_nothing),
        UNIT(one_source_too_many_is_not_followed),
        UNIT(the_list_of_earlier_versions_is_read),
    };
    return unit_run("sources", tests, COUNT(tests));
}
