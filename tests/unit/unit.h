/* SPDX-License-Identifier: MIT
 *
 * What every Check program of ours has in common: one suite, quiet when it passes.
 * Names of tests are claims; tables are looped over, so that a failure names its row. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* AddressSanitizer makes programs some five times slower and ends them without memory. */
#if defined(__SANITIZE_ADDRESS__)
#define UNIT_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNIT_IS_SANITIZED 1
#endif
#endif
#ifndef UNIT_IS_SANITIZED
#define UNIT_IS_SANITIZED 0
#endif

/* One test, run for i in [0, n): n is the number of rows of its table. */
struct unit_test {
    const TTest *test;
    size_t n;
};

#define UNIT(test) {test, 1}
#define UNIT_LOOP(test, table) {test, COUNT(table)}

/* Runs the tests; the value that main() returns. */
static inline int unit_run(const char *name, const struct unit_test *tests, size_t n)
{
    Suite *const suite = suite_create(name);
    TCase *const tcase = tcase_create(name);
    for (size_t i = 0; i < n; i++) {
        tcase_add_loop_test(tcase, tests[i].test, 0, (int)tests[i].n);
    }
    tcase_set_timeout(tcase, 60.0);
    suite_add_tcase(suite, tcase);
    SRunner *const runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A source of test data: the seed is in $MIXD_TEST_SEED or given, and is to be part of
 * every message of a failure. xorshift64 (Marsaglia 2003). */
static inline uint64_t unit_seed(uint64_t standard)
{
    const char *const text = getenv("MIXD_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : standard;
}

static inline uint64_t unit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
