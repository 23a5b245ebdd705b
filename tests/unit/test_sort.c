/* SPDX-License-Identifier: MIT */
#include "sort.h"

#include <math.h>

#include "rng.h"
#include "unit.h"

#define N 3000

static int by_value_then_place(const void *a, const void *b)
{
    const struct weighted *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value) - (x->value < y->value)
                                : (x->weight > y->weight) - (x->weight < y->weight);
}

/* Values of all sizes and both signs, and many that are equal, zeros of both signs too.
 */
static double value_of(struct rng *rng, size_t i)
{
    static const double special[] = {0,      -0.0,    1e300, -1e300,
                                     5e-324, -5e-324, 1,     INFINITY};
    const double normal = rng_normal(rng);
    return i % 3 == 0   ? special[i / 3 % COUNT(special)]
           : i % 3 == 1 ? floor(8 * normal)
                        : normal * exp(100 * rng_normal(rng));
}

static const size_t sizes[] = {0, 1, 2, 255, 256, 257, N};

START_TEST(values_ascend_and_equals_keep_their_order)
{
    const size_t n = sizes[_i];
    static struct weighted is[N], should[N], scratch[N];
    struct rng rng = rng_at(unit_seed(41), RNG_TEST, n);
    for (size_t i = 0; i < n; i++) {
        is[i] = should[i] = (struct weighted){value_of(&rng, i), (double)i};
    }
    sort_values(is, n, scratch);
    qsort(should, n, sizeof(*should), by_value_then_place);
    for (size_t i = 0; i < n; i++) {
        ck_assert_double_eq(is[i].value, should[i].value);
        ck_assert_double_eq(is[i].weight, should[i].weight);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(values_ascend_and_equals_keep_their_order, sizes),
    };
    return unit_run("sort", tests, COUNT(tests));
}
