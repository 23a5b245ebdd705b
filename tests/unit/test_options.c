/* SPDX-License-Identifier: MIT
 *
 * Ranges of the options: one row per boundary. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "mix.h"
#include "unit.h"

enum kind { SIZE, REAL, ENUM };
#define MEMBER(member) #member, offsetof(struct mix_options, member)
#define EXPONENT offsetof(struct mix_options, step_exponent)

/* `value` in a member of options for D = 3, K = 4; exponent: step_exponent beside it. */
static const struct {
    const char *name;
    size_t offset;
    enum kind kind;
    double value;
    double exponent;
    bool is_ok;
} rows[] = {
    {MEMBER(dimensions), SIZE, 0, 0, false},
    {MEMBER(dimensions), SIZE, 1, 0, true},
    {MEMBER(dimensions), SIZE, 256, 0, true},
    {MEMBER(dimensions), SIZE, 257, 0, false},
    {MEMBER(dimensions), SIZE, 1e18, 0, false},
    {MEMBER(components), SIZE, 0, 0, false},
    {MEMBER(components), SIZE, 104857, 0, true}, /* 2^20 / 10 */
    {MEMBER(components), SIZE, 104858, 0, false},
    {MEMBER(components), SIZE, 1e18, 0, false},
    {MEMBER(covariance), ENUM, MIX_TIED, 0, true},
    {MEMBER(covariance), ENUM, MIX_COVARIANCES, 0, false},
    {MEMBER(family), ENUM, MIX_STUDENT_T, 0, true},
    {MEMBER(family), ENUM, MIX_FAMILIES, 0, false},
    {MEMBER(categories), SIZE, 1, 0, false},
    {MEMBER(categories), SIZE, 2, 0, true},
    {MEMBER(categories), SIZE, 256, 0, true},
    {MEMBER(categories), SIZE, 257, 0, false},
    {MEMBER(block), SIZE, 0, 0, false},
    {MEMBER(block), SIZE, 1, 0, true},
    {MEMBER(block), SIZE, 65536, 0, true},
    {MEMBER(block), SIZE, 65537, 0, false},
    {MEMBER(warmup), SIZE, 15, 0, false}, /* K (D+1) = 16 */
    {MEMBER(warmup), SIZE, 16, 0, true},
    {MEMBER(step_exponent), REAL, 0.5, 0, false},
    {MEMBER(step_exponent), REAL, 0.51, 0, true},
    {MEMBER(step_exponent), REAL, 1, 0, true},
    {MEMBER(step_exponent), REAL, 1.01, 0, false},
    {MEMBER(step_exponent), REAL, -1, 0, false},
    {MEMBER(step_exponent), REAL, (double)NAN, 0, false},
    {MEMBER(step_offset), REAL, -1, 0.6, false},
    {MEMBER(step_offset), REAL, 0, 0.6, true},
    {MEMBER(step_offset), REAL, 1e9, 0.6, false},
    {MEMBER(step_offset), REAL, (double)NAN, 0.6, false},
    {MEMBER(step_offset), REAL, -1, 0, true}, /* not read */
    {MEMBER(window), SIZE, 1000, 0, true},
    {MEMBER(window), SIZE, 1000, 0.6, false},
    {MEMBER(half_life), REAL, -1, 0, false},
    {MEMBER(half_life), REAL, 3600, 0, true},
    {MEMBER(half_life), REAL, 3600, 0.6, false},
    {MEMBER(half_life), REAL, HUGE_VAL, 0, false},
    {MEMBER(half_life), REAL, (double)NAN, 0, false},
};

static void set(struct mix_options *options, size_t offset, enum kind kind, double value)
{
    char *const at = (char *)options + offset;
    if (kind == SIZE) {
        const size_t size = (size_t)value;
        memcpy(at, &size, sizeof(size));
    } else if (kind == ENUM) {
        const enum mix_covariance covariance = (enum mix_covariance)value;
        memcpy(at, &covariance, sizeof(covariance));
    } else {
        memcpy(at, &value, sizeof(value));
    }
}

START_TEST(a_value_outside_its_range_is_named)
{
    struct mix_options options;
    const char *what = "";
    mix_options_init(&options, 3, 4);
    set(&options, EXPONENT, REAL, rows[_i].exponent);
    set(&options, rows[_i].offset, rows[_i].kind, rows[_i].value);
    const enum mix_err err = mix_options_check(&options, &what);
    ck_assert_msg(err == (rows[_i].is_ok ? MIX_OK : MIX_EOPTION), "%s = %g", rows[_i].name,
                  rows[_i].value);
    ck_assert_msg(rows[_i].is_ok ? what == NULL : strcmp(what, rows[_i].name) == 0,
                  "%s = %g: %s", rows[_i].name, rows[_i].value, what);
    ck_assert_int_eq(mix_options_check(&options, NULL), err);
}
END_TEST

START_TEST(the_defaults_are_valid_at_every_size)
{
    for (size_t dims = 1; dims <= MIX_DIMENSIONS_MAX; dims *= 2) {
        struct mix_options options;
        mix_options_init(&options, dims, 1);
        ck_assert_int_eq(mix_options_check(&options, NULL), MIX_OK);
        ck_assert(options.block == 256 && options.seed == 1);
        ck_assert(options.covariance == MIX_FULL && !options.marginalize);
    }
}
END_TEST

START_TEST(a_resolution_is_finite_and_not_negative)
{
    const double good[] = {0, 1, 0.25}, bad[] = {-1, (double)NAN, HUGE_VAL};
    struct mix_options options;
    const char *what;
    mix_options_init(&options, 3, 2);
    options.resolution = good;
    ck_assert_int_eq(mix_options_check(&options, NULL), MIX_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double mixed[] = {0, 1, bad[i]};
        options.resolution = mixed;
        ck_assert_int_eq(mix_options_check(&options, &what), MIX_EOPTION);
        ck_assert_str_eq(what, "resolution");
    }
}
END_TEST

START_TEST(every_covariance_has_its_name)
{
    const char *const names[] = {"full", "diag", "spherical", "tied"};
    for (size_t i = 0; i < MIX_COVARIANCES; i++) {
        ck_assert_str_eq(mix_covariance_name((enum mix_covariance)i), names[i]);
    }
    ck_assert_ptr_null(mix_covariance_name(MIX_COVARIANCES));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_value_outside_its_range_is_named, rows),
        UNIT(the_defaults_are_valid_at_every_size),
        UNIT(a_resolution_is_finite_and_not_negative),
        UNIT(every_covariance_has_its_name),
    };
    return unit_run("options", tests, COUNT(tests));
}
