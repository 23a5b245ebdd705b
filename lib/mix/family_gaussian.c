/* SPDX-License-Identifier: MIT
 *
 * Gaussian components with full, diagonal, spherical and tied covariance: sizes, what
 * the E-step needs derived from the parameters, and draws. gaussian.h has the layout,
 * gaussian_*.c the rest. */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "special.h"

static size_t param_size(const struct factor *f)
{
    return f->components * f->dimensions + gaussian_n_cov(f) * gaussian_cov_size(f);
}

static size_t cache_size(const struct factor *f)
{
    return 2 * f->dimensions + gaussian_n_cov(f) * gaussian_packed(f) +
           f->components * (f->dimensions + 2);
}

static size_t stats_size(const struct factor *f)
{
    return f->components * (f->dimensions + gaussian_packed(f));
}

static size_t sums_size(const struct factor *f)
{
    return f->components * (1 + f->dimensions + gaussian_packed(f));
}

static size_t parameters(const struct factor *f)
{
    const size_t per_cov = f->covariance == MIX_SPHERICAL ? 1 : gaussian_packed(f);
    return f->components * f->dimensions + gaussian_n_cov(f) * per_cov;
}

struct gaussian_cache gaussian_cache(const struct factor *f, const double *cache)
{
    struct gaussian_cache at;
    at.ref = cache;
    at.exponent = at.ref + f->dimensions;
    at.w = at.exponent + f->dimensions;
    at.c = at.w + gaussian_n_cov(f) * gaussian_packed(f);
    at.base = at.c + f->components * f->dimensions;
    at.is_far = at.base + f->components;
    at.w_stride = f->covariance == MIX_TIED ? 0 : gaussian_packed(f);
    return at;
}

/* Doubles of a block laid out for the kernels. */
static size_t layout_size(const struct factor *f)
{
    return (f->dimensions + 1) * BLOCK_POINTS;
}

static size_t moments_size(const struct factor *f)
{
    return (f->components + 1) * packed_size(f->dimensions + 1);
}

size_t gaussian_scratch_size(const struct factor *f)
{
    return 2 * layout_size(f) + moments_size(f) + f->components * (BLOCK_POINTS + 1) +
           4 * f->dimensions * f->dimensions;
}

struct gaussian_scratch gaussian_scratch(const struct factor *f, double *scratch)
{
    struct gaussian_scratch at;
    at.a = scratch;
    at.b = at.a + layout_size(f);
    at.resp = at.b + layout_size(f);
    at.moments = at.resp + f->components * BLOCK_POINTS;
    at.again = at.moments + f->components * packed_size(f->dimensions + 1);
    at.base = at.moments + moments_size(f);
    at.patterns = at.base + f->components;
    return at;
}

/* ---- Preparing the E-step ------------------------------------------------------ */

/* W of one covariance. */
static bool prepare_dense(size_t dims, const double *cov, double *w)
{
    double sd[MIX_DIMENSIONS_MAX], factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
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

/* c = W (ref - mu); true if mu is far. `offset` is ref - mu. */
static bool prepare_c(const struct factor *f, const double *w, const double *offset,
                      double *c)
{
    double farthest = 0;
    for (size_t i = 0; i < f->dimensions; i++) {
        double sum = 0, size = 0;
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, w++) {
            sum += *w * offset[j];
            size += fabs(*w * offset[j]);
        }
        c[i] = sum;
        farthest = size > farthest ? size : farthest;
    }
    return !(farthest <= GAUSSIAN_FAR);
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

static enum mix_err prepare(const struct factor *f, const double *param, double *cache)
{
    const size_t dims = f->dimensions, size = gaussian_packed(f);
    double *ref = cache, *exponent = ref + dims, *w = exponent + dims;
    double *c = w + gaussian_n_cov(f) * size, *base = c + f->components * dims;
    double *is_far = base + f->components, offset[MIX_DIMENSIONS_MAX];
    prepare_ref(f, param, ref);
    for (size_t k = 0; k < gaussian_n_cov(f); k++) {
        if (!prepare_w(f, gaussian_cov(f, param, k), w + k * size)) {
            return MIX_ECOVARIANCE;
        }
    }
    for (size_t d = 0; d < dims; d++) {
        int e;
        special_split(w[gaussian_is_dense(f) ? packed_size(d + 1) - 1 : d], &e);
        exponent[d] = -e;
    }
    for (size_t k = 0; k < f->components; k++) {
        const double *own = w + (f->covariance == MIX_TIED ? 0 : k * size);
        for (size_t d = 0; d < dims; d++) {
            offset[d] = ref[d] - param[k * dims + d];
        }
        base[k] = log2_determinant(f, own, exponent);
        is_far[k] = prepare_c(f, own, offset, c + k * dims);
    }
    return MIX_OK;
}

/* ---- What users and the search ask --------------------------------------------- */

static void moments(const struct factor *f, const double *param, size_t k, double *mean,
                    double *variance)
{
    const size_t dims = f->dimensions;
    const double *cov = gaussian_cov(f, param, k);
    const size_t step[MIX_COVARIANCES] = {
        [MIX_FULL] = dims + 1, [MIX_DIAG] = 1, [MIX_SPHERICAL] = 0, [MIX_TIED] = dims + 1};
    for (size_t d = 0; d < dims; d++) {
        mean[d] = param[k * dims + d];
        variance[d] = cov[d * step[f->covariance]];
    }
}

static void sample(const struct factor *f, const double *param, size_t k,
                   struct rng *rng, double *x)
{
    const size_t dims = f->dimensions;
    const double *cov = gaussian_cov(f, param, k);
    double normal[MIX_DIMENSIONS_MAX], sd[MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    for (size_t d = 0; d < dims; d++) {
        normal[d] = rng_normal(rng);
    }
    if (!gaussian_is_dense(f)) {
        for (size_t d = 0; d < dims; d++) {
            const double variance = cov[f->covariance == MIX_DIAG ? d : 0];
            x[d] = param[k * dims + d] + sqrt(variance) * normal[d];
        }
        return;
    }
    if (!matrix_factor(cov, dims, sd, factor)) {
        memset(factor, 0, sizeof(factor)); /* cannot be: the model was prepared */
    }
    for (size_t i = 0; i < dims; i++) {
        double z = 0;
        for (size_t j = 0; j <= i; j++) {
            z += factor[packed_size(i) + j] * normal[j];
        }
        x[i] = param[k * dims + i] + sd[i] * z;
    }
}

extern const struct family family_gaussian;
const struct family family_gaussian = {
    .name = "gaussian",
    .param_size = param_size,
    .cache_size = cache_size,
    .stats_size = stats_size,
    .sums_size = sums_size,
    .scratch_size = gaussian_scratch_size,
    .parameters = parameters,
    .prepare = prepare,
    .log_density = gaussian_log_density,
    .accumulate = gaussian_accumulate,
    .blend = gaussian_blend,
    .merge = gaussian_merge,
    .mstep = gaussian_mstep,
    .invert = gaussian_invert,
    .place = gaussian_place,
    .split = gaussian_split,
    .moments = moments,
    .sample = sample,
};
