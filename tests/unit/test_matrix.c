/* SPDX-License-Identifier: MIT */
#include "matrix.h"

#include <math.h>
#include <string.h>

#include "rng.h"
#include "unit.h"

#define EPS 0x1p-53
#define DIMS_MAX 40

/* B B' + 0.1 I with fields of very different units. */
static void random_matrix(size_t n, uint64_t index, double *cov)
{
    struct rng rng = rng_at(unit_seed(8), RNG_TEST, index);
    double b[DIMS_MAX * DIMS_MAX];
    for (size_t i = 0; i < n * n; i++) {
        b[i] = rng_normal(&rng);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = i == j ? 0.1 : 0;
            for (size_t m = 0; m < n; m++) {
                sum += b[i * n + m] * b[j * n + m];
            }
            sum *= pow(10, (double)(i % 7) - 3) * pow(10, (double)(j % 7) - 3);
            cov[i * n + j] = cov[j * n + i] = sum;
        }
    }
}

static const size_t sizes[] = {1, 2, 3, 5, 8, 17, DIMS_MAX};

START_TEST(the_factor_gives_the_matrix_back)
{
    const size_t n = sizes[_i];
    double cov[DIMS_MAX * DIMS_MAX], sd[DIMS_MAX], factor[DIMS_MAX * (DIMS_MAX + 1) / 2];
    random_matrix(n, (uint64_t)_i, cov);
    ck_assert(matrix_factor(cov, n, sd, factor));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t m = 0; m <= j; m++) {
                sum += factor[packed_size(i) + m] * factor[packed_size(j) + m];
            }
            /* Backward error of Cholesky: (n + 3) eps of the unit diagonal. */
            ck_assert_double_eq_tol(sum * sd[i] * sd[j], cov[i * n + j],
                                    ((double)n + 6) * EPS * sd[i] * sd[j]);
        }
    }
}
END_TEST

START_TEST(the_inverse_times_the_factor_is_one)
{
    const size_t n = sizes[_i];
    double cov[DIMS_MAX * DIMS_MAX], sd[DIMS_MAX], factor[DIMS_MAX * (DIMS_MAX + 1) / 2];
    double inverse[DIMS_MAX * (DIMS_MAX + 1) / 2];
    random_matrix(n, (uint64_t)_i, cov);
    ck_assert(matrix_factor(cov, n, sd, factor));
    matrix_invert_lower(factor, n, inverse);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0, size = 0;
            for (size_t m = j; m <= i; m++) {
                const double part = inverse[packed_size(i) + m] * factor[packed_size(m) + j];
                sum += part;
                size += fabs(part);
            }
            /* A left inverse by substitution: n eps of what is added up. */
            ck_assert_double_eq_tol(sum, i == j, 2 * ((double)n + 2) * EPS * (1 + size));
        }
    }
}
END_TEST

START_TEST(powers_of_two_change_the_deviations_only)
{
    enum { N = 5 };
    const int shift[N] = {300, -400, 0, 7, -1};
    double cov[N * N], scaled[N * N], sd[2][N], factor[2][N * (N + 1) / 2];
    random_matrix(N, 50, cov);
    for (size_t i = 0; i < N * N; i++) {
        scaled[i] = ldexp(cov[i], shift[i / N] + shift[i % N]);
    }
    ck_assert(matrix_factor(cov, N, sd[0], factor[0]));
    ck_assert(matrix_factor(scaled, N, sd[1], factor[1]));
    ck_assert(memcmp(factor[0], factor[1], sizeof(factor[0])) == 0);
    for (size_t i = 0; i < N; i++) {
        ck_assert(sd[1][i] == ldexp(sd[0][i], shift[i]));
    }
}
END_TEST

START_TEST(a_singular_matrix_gets_the_least_jitter)
{
    double cov[4] = {4, 2, 2, 1}, sd[2], factor[3]; /* correlation exactly 1 */
    ck_assert(matrix_factor(cov, 2, sd, factor));
    /* 1 + 1e-12 on the diagonal: L_22^2 = 1 + j - 1/(1 + j), about 2 j. */
    ck_assert_double_eq_tol(factor[2] * factor[2], 2e-12, 1e-15);
    ck_assert(factor[1] < 1);
    double rounded[4] = {1, 1.00005, 1.00005, 1};
    ck_assert(matrix_factor(rounded, 2, sd, factor));
    /* This needs a jitter above 0.00005; the next power of ten is 1e-4. */
    ck_assert_double_eq_tol(factor[0] * factor[0], 1.0001, 1e-9);
    const double indefinite[4] = {1, 1.5, 1.5, 1};
    ck_assert(!matrix_factor(indefinite, 2, sd, factor));
}
END_TEST

START_TEST(what_is_no_variance_is_refused)
{
    const double bad[] = {0, -1, (double)NAN, HUGE_VAL};
    double sd[2], factor[3];
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double cov[4] = {1, 0, 0, bad[i]};
        ck_assert(!matrix_factor(cov, 2, sd, factor));
    }
    const double correlation[4] = {1, (double)NAN, (double)NAN, 1};
    ck_assert(!matrix_factor(correlation, 2, sd, factor));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(the_factor_gives_the_matrix_back, sizes),
        UNIT_LOOP(the_inverse_times_the_factor_is_one, sizes),
        UNIT(powers_of_two_change_the_deviations_only),
        UNIT(a_singular_matrix_gets_the_least_jitter),
        UNIT(what_is_no_variance_is_refused),
    };
    return unit_run("matrix", tests, COUNT(tests));
}
