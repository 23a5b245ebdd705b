/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "source.h"
#include "unit.h"

static const struct source_options plain;

/* All points of a source, n of them, n_fields each; owned by the caller. */
static double *read_all(const char *name, size_t *n, size_t *n_fields)
{
    struct failure failure = {0};
    struct source *source = source_open(name, &plain, 0, &failure);
    ck_assert_msg(source != NULL, "%s: %s", name, failure.text);
    double *x = NULL;
    struct source_rows rows;
    *n = 0;
    *n_fields = source->n_fields;
    while (source_next(source, 0, &rows, &failure)) {
        ck_assert_uint_gt(rows.n, 0);
        x = realloc(x, (*n + rows.n) * *n_fields * sizeof(double));
        for (size_t i = 0; i < rows.n; i++) {
            memcpy(x + (*n + i) * *n_fields, rows.x + i * rows.stride,
                   *n_fields * sizeof(double));
        }
        *n += rows.n;
    }
    ck_assert_int_eq(failure.code, EX_OK);
    ck_assert_double_eq(source_share(source), 1);
    source_close(&source);
    ck_assert_ptr_null(source);
    return x;
}

START_TEST(a_name_stands_for_the_same_points_however_many_are_wanted)
{
    size_t n_short, n_long, n_fields;
    double *some = read_all("synth:dims=3,components=4,seed=7,points=1500", &n_short,
                            &n_fields);
    double *all = read_all("synth:seed=7,points=5000,components=4,dims=3", &n_long,
                           &n_fields);
    ck_assert_uint_eq(n_short, 1500);
    ck_assert_uint_eq(n_long, 5000);
    ck_assert_uint_eq(n_fields, 3);
    ck_assert_mem_eq(some, all, n_short * n_fields * sizeof(double));
    free(some);
    free(all);
}
END_TEST

START_TEST(another_seed_gives_another_mixture)
{
    size_t n, n_fields;
    double *one = read_all("synth:points=1000", &n, &n_fields);
    double *other = read_all("synth:points=1000,seed=2", &n, &n_fields);
    ck_assert_uint_eq(n_fields, 2);
    ck_assert_mem_ne(one, other, n * n_fields * sizeof(double));
    free(one);
    free(other);
}
END_TEST

static double mean_of(const double *x, size_t from, size_t n, size_t n_fields)
{
    double sum = 0;
    for (size_t i = from; i < from + n; i++) {
        sum += x[i * n_fields];
    }
    return sum / (double)n;
}

/* The same draws with and without a drift differ by it alone: growing linearly, by
 * 2 sd per 1000 points, sd being that of the first component. */
START_TEST(a_drift_moves_the_mixture_steadily)
{
    size_t n, n_fields;
    double *still = read_all("synth:points=20000", &n, &n_fields);
    double *moving = read_all("synth:points=20000,drift=2", &n, &n_fields);
    const double unit = moving[n_fields] - still[n_fields];
    ck_assert_double_gt(unit, 0);
    for (size_t i = 0; i < n; i++) {
        const double moved = moving[i * n_fields] - still[i * n_fields];
        /* The sums round in the last of 53 bits of numbers below 1e3. */
        ck_assert_double_eq_tol(moved, (double)i * unit, 1e-9);
    }
    const double late = mean_of(moving, n - 1000, 1000, n_fields) -
                        mean_of(moving, 0, 1000, n_fields);
    ck_assert_double_gt(late, 10 * fabs(mean_of(still, n - 1000, 1000, n_fields) -
                                        mean_of(still, 0, 1000, n_fields)));
    free(still);
    free(moving);
}
END_TEST

static const struct {
    const char *name;
    int code;
    const char *part; /* of the message */
} bad[] = {
    {"synth:dims=0", EX_USAGE, "out of range"},
    {"synth:dims=2.5", EX_USAGE, "out of range"},
    {"synth:dims=256,components=1000", EX_USAGE, "too large"},
    {"synth:seed=x", EX_USAGE, "out of range"},
    {"synth:colour=3", EX_USAGE, "unknown"},
    {"synth:=3", EX_USAGE, "unknown"},
    {"synth:dims=2,oops", EX_USAGE, "not KEY=VALUE"},
    {"synth:/nowhere/model.json", EX_NOINPUT, "/nowhere/model.json"},
};

START_TEST(a_bad_recipe_is_refused_with_its_place)
{
    struct failure failure = {0};
    struct source *source = source_open(bad[_i].name, &plain, 0, &failure);
    ck_assert_ptr_null(source);
    ck_assert_msg(failure.code == bad[_i].code, "%s: %d", bad[_i].name, failure.code);
    ck_assert_msg(strstr(failure.text, bad[_i].part) != NULL, "%s: %s", bad[_i].name,
                  failure.text);
}
END_TEST

START_TEST(options_of_files_are_refused)
{
    const struct source_options options = {.has_file_options = true};
    struct failure failure = {0};
    ck_assert_ptr_null(source_open("synth:", &options, 0, &failure));
    ck_assert_int_eq(failure.code, EX_USAGE);
}
END_TEST

START_TEST(a_model_file_is_sampled_under_its_own_names)
{
    char path[] = "/tmp/mixd-model-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("{\"family\": \"gaussian\", \"covariance_type\": \"spherical\", \"fields\": "
          "[\"warm\", \"loud\"], \"weights\": [0.25, 0.75], \"means\": [[1000, -5], "
          "[2000, 5]], \"covariances\": [0.01, 0.04]}",
          file);
    fclose(file);
    char name[64];
    snprintf(name, sizeof(name), "synth:%s,points=4000", path);
    struct failure failure = {0};
    struct source *source = source_open(name, &plain, 0, &failure);
    ck_assert_msg(source != NULL, "%s", failure.text);
    ck_assert_int_eq(source_field(source, "loud"), 1);
    ck_assert_int_eq(source_field(source, "quiet"), -1);
    source_close(&source);

    size_t n, n_fields;
    double *x = read_all(name, &n, &n_fields);
    size_t n_first = 0;
    for (size_t i = 0; i < n; i++) {
        /* 8 sd: passed by one point in 10^15 */
        const bool is_first = fabs(x[2 * i] - 1000) < 0.8 && fabs(x[2 * i + 1] + 5) < 0.8;
        ck_assert(is_first || (fabs(x[2 * i] - 2000) < 1.6 && fabs(x[2 * i + 1] - 5) < 1.6));
        n_first += is_first;
    }
    /* 6 sd of a binomial of 4000 draws with share 1/4 */
    ck_assert_double_eq_tol((double)n_first, 1000, 6 * sqrt(4000 * 0.25 * 0.75));
    free(x);
    unlink(path);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_name_stands_for_the_same_points_however_many_are_wanted),
        UNIT(another_seed_gives_another_mixture),
        UNIT(a_drift_moves_the_mixture_steadily),
        UNIT_LOOP(a_bad_recipe_is_refused_with_its_place, bad),
        UNIT(options_of_files_are_refused),
        UNIT(a_model_file_is_sampled_under_its_own_names),
    };
    return unit_run("source_synth", tests, COUNT(tests));
}
