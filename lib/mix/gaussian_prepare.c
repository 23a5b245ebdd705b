/* SPDX-License-Identifier: MIT
 *
 * The cache of a gaussian factor, derived from its parameters: gaussian.h says what is in
 * it. Up to 64 fields the kernel does eight components at a time; what it leaves
 * (matrices that need jitter, more fields, diagonal ones) is done one by one. */
#include <math.h>

#include "gaussian.h"
#include "special.h"

/* Where to write: the cache, by parts. */
struct parts {
    double *ref, *exponent, *w, *c, *base, *is_far;
};

static struct parts parts_of(const struct factor *f, double *cache)
{
    const size_t dims = f->dimensions;
    struct parts at;
    at.ref = cache;
    at.exponent = at.ref + dims;
    at.w = at.exponent + dims;
    at.c = at.w + gaussian_n_cov(f) * gaussian_packed(f);
    at.base = at.c + f->components * dims;
    at.is_far = at.base + f->components;
    return at;
}

static void prepare_ref(const struct factor *f, const double *means, double *ref)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        double sum = 0;
        for (size_t k = 0; k < f->components; k++) {
            sum += means[k * f->dimensions + d];
        }
        ref[d] = sum / (double)f->components;
    }
}

/* ---- One by one ---------------------------------------------------------------- */

/* W of one covariance. */
static bool prepare_dense(size_t dims, const double *cov, double *w)
{
    double sd[MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    if (!matrix_factor(cov, dims, sd, factor)) {
        return false;
    }
    matrix_invert_lower(factor, dims, w);
    for (size_t j = 0; j < dims; j++) {
        sd[j] = ROOT_BITS / sd[j];
    }
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j <= i; j++) {
            *w++ *= sd[j];
        }
    }
    return true;
}

static bool prepare_w(const struct factor *f, const double *cov, double *w)
{
    if (gaussian_is_dense(f)) {
        return prepare_dense(f->dimensions, cov, w);
    }
    for (size_t d = 0; d < f->dimensions; d++) {
        const double variance = cov[f->covariance == MIX_DIAG ? d : 0];
        if (!(variance > 0) || variance == (double)INFINITY) {
            return false;
        }
        w[d] = ROOT_BITS / sqrt(variance);
    }
    return true;
}

/* c = W (ref - mu); the largest of the rows of |W| |ref - mu|. */
static double prepare_c(const struct factor *f, const double *w, const double *ref,
                        const double *mean, double *c)
{
    double farthest = 0;
    for (size_t i = 0; i < f->dimensions; i++) {
        double sum = 0, size = 0;
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, w++) {
            const double part = *w * (ref[j] - mean[j]);
            sum += part;
            size += fabs(part);
        }
        c[i] = sum;
        farthest = size > farthest ? size : farthest;
    }
    return farthest;
}

/* log2 of the determinant of W in units of 2^exponent. Up to 256 mantissas in [1, 2)
 * cannot overflow. */
static double log2_determinant(const struct factor *f, const double *w,
                               const double *exponent)
{
    double product = 1;
    int sum = 0;
    for (size_t d = 0; d < f->dimensions; d++) {
        int e;
        product *= special_split(w[gaussian_is_dense(f) ? packed_size(d + 1) - 1 : d], &e);
        sum += e + (int)exponent[d];
    }
    return special_log2(product) + sum;
}

/* The units of base: powers of two near the standard deviations under W. */
static void prepare_exponent(const struct factor *f, const double *w, double *exponent)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        int e;
        special_split(w[gaussian_is_dense(f) ? packed_size(d + 1) - 1 : d], &e);
        exponent[d] = -e;
    }
}

static bool prepare_one(const struct factor *f, const double *param, size_t k,
                        const struct parts *at)
{
    const size_t dims = f->dimensions;
    const bool is_shared = f->covariance == MIX_TIED && k > 0;
    double *w = at->w + (f->covariance == MIX_TIED ? 0 : k * gaussian_packed(f));
    if (!is_shared && !prepare_w(f, gaussian_cov(f, param, k), w)) {
        return false;
    }
    if (k == 0) {
        prepare_exponent(f, w, at->exponent);
    }
    at->base[k] = is_shared ? at->base[0] : log2_determinant(f, w, at->exponent);
    at->is_far[k] =
        !(prepare_c(f, w, at->ref, param + k * dims, at->c + k * dims) <= GAUSSIAN_FAR);
    return true;
}

/* ---- Eight at a time ----------------------------------------------------------- */

static bool prepare_lanes(const struct factor *f, const double *param, size_t k,
                          const struct parts *at)
{
    const size_t dims = f->dimensions, left = f->components - k;
    struct kernel_factor job = {.dims = dims,
                                .n = left < KERNEL_LANES ? left : KERNEL_LANES,
                                .cov = gaussian_cov(f, param, k),
                                .means = param + k * dims,
                                .ref = at->ref,
                                .exponent = at->exponent,
                                .is_first = k == 0,
                                .scale = ROOT_BITS,
                                .w = at->w + k * gaussian_packed(f),
                                .c = at->c + k * dims,
                                .base = at->base + k};
    kernel_current()->factor(&job);
    if (k == 0 && !job.is_ok[0]) {
        /* The units come from this matrix, so it goes first. */
        if (!prepare_one(f, param, 0, at)) {
            return false;
        }
        job.is_first = false;
        kernel_current()->factor(&job);
    }
    for (size_t j = 0; j < job.n; j++) {
        at->is_far[k + j] = !(job.distance[j] <= GAUSSIAN_FAR);
        if (!job.is_ok[j] && !prepare_one(f, param, k + j, at)) {
            return false;
        }
    }
    return true;
}

void gaussian_mend(const struct factor *f, double *param)
{
    const size_t dims = f->dimensions;
    double sd[MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    double *cov = param + f->components * dims;
    for (size_t k = 0; gaussian_is_dense(f) && k < gaussian_n_cov(f); k++) {
        const bool is_good = matrix_factor(cov, dims, sd, factor);
        for (size_t at = 0; !is_good && at < dims * dims; at++) {
            cov[at] = at % (dims + 1) == 0 ? cov[at] : 0;
        }
        cov += dims * dims;
    }
}

enum mix_err gaussian_prepare(const struct factor *f, const double *param, double *cache)
{
    const struct parts at = parts_of(f, cache);
    const bool has_lanes = f->covariance == MIX_FULL && f->dimensions <= KERNEL_FACTOR_DIMS;
    prepare_ref(f, param, at.ref);
    for (size_t k = 0; k < f->components; k += has_lanes ? KERNEL_LANES : 1) {
        if (!(has_lanes ? prepare_lanes : prepare_one)(f, param, k, &at)) {
            return MIX_ECOVARIANCE;
        }
    }
    return MIX_OK;
}
