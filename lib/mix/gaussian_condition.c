/* SPDX-License-Identifier: MIT
 *
 * Marginals and conditionals of gaussian components. With s the fields seen and o those
 * wanted,
 *
 *     mu_o|s = mu_o + S_os S_ss^-1 (x_s - mu_s),  S_o|s = S_oo - S_os S_ss^-1 S_so
 *
 * (M. L. Eaton, Multivariate Statistics, 1983, proposition 3.13). All products pass
 * through the inverse factor W of the correlation matrix of s, so units do not matter. */
#include <float.h>
#include <stdlib.h>

#include "gaussian.h"

bool gaussian_condition(const struct factor *f, const double *cov,
                        const struct family_fields *fields, double *scratch,
                        struct gaussian_conditional *out)
{
    const size_t n = fields->n_seen, size = f->dimensions * f->dimensions;
    double *sub = scratch, *factor = scratch + size, v[MIX_DIMENSIONS_MAX];
    out->w = scratch + 2 * size;
    out->u = scratch + 3 * size;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            sub[a * n + b] =
                gaussian_covariance(f, cov, fields->seen[a], fields->seen[b]);
        }
    }
    if (!matrix_factor(sub, n, out->inverse_sd, factor)) {
        return false;
    }
    matrix_invert_lower(factor, n, out->w);
    for (size_t a = 0; a < n; a++) {
        out->inverse_sd[a] = 1 / out->inverse_sd[a];
    }
    for (size_t m = 0; m < fields->n_wanted; m++) {
        for (size_t a = 0; a < n; a++) {
            v[a] = gaussian_covariance(f, cov, fields->wanted[m], fields->seen[a]) *
                   out->inverse_sd[a];
        }
        matrix_times_lower(out->w, n, v, out->u + m * n);
    }
    return true;
}

double gaussian_left(const struct factor *f, const double *cov,
                     const struct family_fields *fields,
                     const struct gaussian_conditional *by, size_t m, size_t l)
{
    const size_t n = fields->n_seen;
    double c = gaussian_covariance(f, cov, fields->wanted[m], fields->wanted[l]);
    for (size_t a = 0; a < n; a++) {
        c -= by->u[m * n + a] * by->u[l * n + a];
    }
    return c;
}

/* mu_o|s into mean. */
static void derive_mean(const double *mu, const struct family_fields *fields,
                        const struct gaussian_conditional *by, const double *x,
                        double *mean)
{
    double v[MIX_DIMENSIONS_MAX], z[MIX_DIMENSIONS_MAX];
    for (size_t a = 0; a < fields->n_seen; a++) {
        v[a] = (x[fields->seen[a]] - mu[fields->seen[a]]) * by->inverse_sd[a];
    }
    matrix_times_lower(by->w, fields->n_seen, v, z);
    for (size_t m = 0; m < fields->n_wanted; m++) {
        double sum = 0;
        for (size_t a = 0; a < fields->n_seen; a++) {
            sum += by->u[m * fields->n_seen + a] * z[a];
        }
        mean[m] = mu[fields->wanted[m]] + sum;
    }
}

/* S_o|s in the form of out_f. A field that follows from those seen keeps the rounding of
 * its own variance, so that there is a density. */
static void derive_covariance(const struct factor *f, const double *cov,
                              const struct family_fields *fields,
                              const struct gaussian_conditional *by,
                              const struct factor *out_f, double *out)
{
    const size_t n = fields->n_wanted;
    for (size_t m = 0; m < n; m++) {
        const size_t d = fields->wanted[m];
        const double least = 4 * DBL_EPSILON * gaussian_covariance(f, cov, d, d);
        const double left = gaussian_left(f, cov, fields, by, m, m);
        const double variance = left > least ? left : least;
        if (out_f->covariance == MIX_SPHERICAL) {
            out[0] = variance;
        } else {
            out[gaussian_is_dense(f) ? m * n + m : m] = variance;
        }
        for (size_t l = 0; gaussian_is_dense(f) && l < m; l++) {
            out[m * n + l] = out[l * n + m] = gaussian_left(f, cov, fields, by, m, l);
        }
    }
}

enum mix_err gaussian_derive(const struct factor *f, const double *param,
                             const struct family_fields *fields, const double *x,
                             const struct factor *out_f, double *out)
{
    double *scratch = calloc(4 * f->dimensions * f->dimensions, sizeof(*scratch));
    double *covariances = out + out_f->components * out_f->dimensions;
    struct gaussian_conditional by;
    bool is_ok = scratch != NULL;
    for (size_t k = 0; is_ok && k < f->components; k++) {
        const double *cov = gaussian_cov(f, param, k);
        is_ok = gaussian_condition(f, cov, fields, scratch, &by);
        if (is_ok) {
            derive_mean(param + k * f->dimensions, fields, &by, x,
                        out + k * out_f->dimensions);
            derive_covariance(f, cov, fields, &by, out_f,
                              covariances + (f->covariance == MIX_TIED ? 0 : k) *
                                                gaussian_cov_size(out_f));
        }
    }
    const enum mix_err err = scratch == NULL ? MIX_ENOMEM
                             : is_ok         ? MIX_OK
                                             : MIX_ECOVARIANCE;
    free(scratch);
    return err;
}
