/* SPDX-License-Identifier: MIT
 *
 * The kernels in plain C: what kernel_vector.c must agree with, and nothing faster. */
#include <math.h>

#include "kernel.h"
#include "matrix.h"
#include "special.h"
#include "tail.h"

#define LN_2 0.69314718055994530942

/* Where the 32 lanes of row d of group g begin. */
static size_t at(size_t dims, size_t g, size_t d)
{
    return (g * (dims + 1) + d) * KERNEL_GROUP;
}

static void centre(const double *x, size_t dims, size_t groups, const double *ref,
                   double *a)
{
    for (size_t g = 0; g < groups; g++) {
        for (size_t i = 0; i < KERNEL_GROUP; i++) {
            a[at(dims, g, 0) + i] = 1;
            for (size_t d = 0; d < dims; d++) {
                a[at(dims, g, d + 1) + i] =
                    x[d * BLOCK_POINTS + g * KERNEL_GROUP + i] - ref[d];
            }
        }
    }
}

static void rotate(const double *a, size_t dims, size_t groups, const double *w,
                   double *y)
{
    for (size_t g = 0; g < groups; g++) {
        for (size_t i = 0; i < KERNEL_GROUP; i++) {
            for (size_t d = 0; d < dims; d++) {
                double z = 0;
                for (size_t j = 0; j <= d; j++) {
                    z += w[packed_size(d) + j] * a[at(dims, g, j + 1) + i];
                }
                y[at(dims, g, d + 1) + i] = z;
            }
        }
    }
}

static void density(const struct kernel_density *job, bool is_full)
{
    const size_t dims = job->dims;
    for (size_t k = 0; k < job->components; k++) {
        const double *w = job->w + k * job->w_stride;
        for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
            const double *a = job->a + at(dims, i / KERNEL_GROUP, 1) + i % KERNEL_GROUP;
            double *out = job->out + k * BLOCK_POINTS + i;
            double l = job->base[k];
            for (size_t d = 0; d < dims; d++) {
                double z = job->c[k * dims + d];
                for (size_t j = is_full ? 0 : d; j <= d; j++) {
                    z += w[is_full ? packed_size(d) + j : d] * a[j * KERNEL_GROUP];
                }
                l -= z * z;
            }
            *out = job->is_added ? *out + l : l;
        }
    }
}

static void density_full(const struct kernel_density *job)
{
    density(job, true);
}

static void density_diag(const struct kernel_density *job)
{
    density(job, false);
}

static void total(struct kernel_normalise *job)
{
    job->count = job->bits = 0;
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        if (job->sum[i] >= 1 && job->weight[i] > 0) {
            job->count++;
            job->bits += job->high[i] + special_log2(job->sum[i]);
        }
    }
}

static void normalise(struct kernel_normalise *job)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        double *l = job->resp + i;
        double high = -(double)INFINITY, sum = 0;
        for (size_t k = 0; k < job->components; k++) {
            high = l[k * BLOCK_POINTS] > high ? l[k * BLOCK_POINTS] : high;
        }
        for (size_t k = 0; k < job->components; k++) {
            const double x = l[k * BLOCK_POINTS] - high;
            l[k * BLOCK_POINTS] = x > KERNEL_EXP2_MIN ? special_exp(x * LN_2) : 0;
            sum += l[k * BLOCK_POINTS];
        }
        const double scale = sum >= 1 ? job->weight[i] / sum : 0;
        for (size_t k = 0; k < job->components; k++) {
            l[k * BLOCK_POINTS] *= scale;
        }
        job->high[i] = high;
        job->sum[i] = sum;
    }
    total(job);
}

static void log_sum(const struct kernel_normalise *job)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        const double *l = job->resp + i;
        double high = -(double)INFINITY, sum = 0;
        for (size_t k = 0; k < job->components; k++) {
            high = l[k * BLOCK_POINTS] > high ? l[k * BLOCK_POINTS] : high;
        }
        for (size_t k = 0; k < job->components; k++) {
            const double x = l[k * BLOCK_POINTS] - high;
            sum += x > KERNEL_EXP2_MIN ? special_exp(x * LN_2) : 0;
        }
        job->high[i] = high;
        job->sum[i] = sum;
    }
}

static void log_density(const struct kernel_logs *job)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        const double offset = job->offset == NULL ? 0 : job->offset[i];
        job->out[i] =
            job->sum[i] >= 1
                ? (job->high[i] + special_log2(job->sum[i]) + job->common + offset) * LN_2
                : -(double)INFINITY;
    }
}

static double moment(const struct kernel_moments *job, size_t k, size_t row,
                     size_t column)
{
    double sum = 0;
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        const double *a = job->a + at(job->dims, i / KERNEL_GROUP, 0) + i % KERNEL_GROUP;
        sum += job->resp[k * BLOCK_POINTS + i] *
               (a[row * KERNEL_GROUP] * a[column * KERNEL_GROUP]);
    }
    return sum;
}

static void moments(const struct kernel_moments *job)
{
    double *out = job->out;
    for (size_t i = 0; i <= job->dims; i++) {
        for (size_t j = 0; j <= i; j++) {
            if (job->is_diagonal && j != 0 && j != i) {
                continue;
            }
            for (size_t k = 0; k < job->components; k++) {
                out[k] = moment(job, k, i, j);
            }
            out += job->stride;
        }
    }
}

static double count_active(const double *resp, const double *weight, size_t components,
                           size_t groups)
{
    double count = 0;
    for (size_t k = 0; k < components; k++) {
        for (size_t i = 0; i < groups * KERNEL_GROUP; i++) {
            count += resp[k * BLOCK_POINTS + i] > weight[i] * KERNEL_NOTHING;
        }
    }
    return count;
}

static void mass(const double *resp, size_t components, size_t groups, double *out)
{
    for (size_t k = 0; k < components; k++) {
        out[k] = 0;
        for (size_t i = 0; i < groups * KERNEL_GROUP; i++) {
            out[k] += resp[k * BLOCK_POINTS + i];
        }
    }
}

/* Product (i, j) of component k about the mean of the moments. */
static double scatter_of(const struct kernel_join *job, size_t i, size_t j, size_t k)
{
    const size_t n = job->stride;
    const size_t s_i = job->is_diagonal ? 1 + 2 * i : packed_size(i + 1);
    const size_t row = job->is_diagonal ? s_i + 1 : s_i + j + 1;
    const size_t s_j = job->is_diagonal ? s_i : packed_size(j + 1);
    const double q =
        job->moments[row * n + k] - job->mean[i * n + k] * job->moments[s_j * n + k];
    return i == j && !(q > 0) ? 0 : q;
}

static void join(const struct kernel_join *job)
{
    const size_t n = job->stride;
    size_t row = 0;
    for (size_t i = 0; i < job->dims; i++) {
        for (size_t j = job->is_diagonal ? i : 0; j <= i; j++, row += n) {
            for (size_t k = 0; k < job->components; k++) {
                const double q = job->other != NULL ? job->other[row + k]
                                                    : scatter_of(job, i, j, k);
                const double cross =
                    job->delta == NULL
                        ? 0
                        : job->between[k] * job->delta[i * n + k] * job->delta[j * n + k];
                job->scatter[row + k] += q + cross;
            }
        }
    }
}

static void blend(const struct kernel_blend *job)
{
    double *scatter = job->scatter;
    const double *other = job->other;
    for (size_t i = 0; i < job->dims; i++) {
        const double *delta_i = job->delta + i * KERNEL_LANES;
        for (size_t k = 0; k < job->n; k++) {
            job->mean[i * job->stride + k] += job->share[k] * delta_i[k];
        }
        for (size_t j = job->is_diagonal ? i : 0; j <= i; j++) {
            const double *delta_j = job->delta + j * KERNEL_LANES;
            for (size_t k = 0; k < job->n; k++) {
                const double a = job->share[k];
                scatter[k] = (1 - a) * scatter[k] + job->weight[k] * other[k] +
                             a * (1 - a) * (delta_i[k] * delta_j[k]);
            }
            scatter += job->stride;
            other += job->stride;
        }
    }
}

/* One matrix. */
static void factor_one(struct kernel_factor *job, size_t k)
{
    const size_t dims = job->dims;
    double *w = job->w + k * packed_size(dims);
    double sd[KERNEL_FACTOR_DIMS],
        factor[KERNEL_FACTOR_DIMS * (KERNEL_FACTOR_DIMS + 1) / 2];
    job->base[k] = job->distance[k] = 0;
    job->is_ok[k] = matrix_factor(job->cov + k * dims * dims, dims, sd, factor);
    if (!job->is_ok[k]) {
        return;
    }
    matrix_invert_lower(factor, dims, w);
    for (size_t i = 0; i < dims; i++) {
        double sum = 0, size = 0;
        int e;
        for (size_t j = 0; j <= i; j++, w++) {
            const double offset = job->ref[j] - job->means[k * dims + j];
            *w *= job->scale / sd[j];
            sum += *w * offset;
            size += fabs(*w * offset);
        }
        const double mantissa = special_split(w[-1], &e);
        if (k == 0 && job->is_first) {
            job->exponent[i] = -e;
        }
        job->base[k] += special_log2(mantissa) + (e + job->exponent[i]);
        job->c[k * dims + i] = sum;
        job->distance[k] = size > job->distance[k] ? size : job->distance[k];
    }
}

static void factor(struct kernel_factor *job)
{
    for (size_t k = 0; k < job->n; k++) {
        factor_one(job, k);
    }
}

static void log2_each(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = x[i] >= 0x1p-1022 ? special_log2(x[i]) : -(double)INFINITY;
    }
}

static void exp2_each(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        const double bits = fmin(x[i], KERNEL_EXP2_MAX), whole = nearbyint(bits);
        out[i] = x[i] > KERNEL_EXP2_MIN
                     ? ldexp(special_exp((bits - whole) * LN_2), (int)whole)
                     : 0;
    }
}

static void highest(const double *value, size_t components, size_t groups, double *high,
                    int64_t *which)
{
    for (size_t i = 0; i < groups * KERNEL_GROUP; i++) {
        high[i] = value[i];
        which[i] = 0;
        for (size_t k = 1; k < components; k++) {
            if (value[k * BLOCK_POINTS + i] > high[i]) {
                high[i] = value[k * BLOCK_POINTS + i];
                which[i] = (int64_t)k;
            }
        }
    }
}

/* log2(2^a + 2^b / product) */
static double log2_sum(double a, double b, double product)
{
    const double max = a > b ? a : b;
    const double first = a - max > KERNEL_EXP2_MIN ? special_exp((a - max) * LN_2) : 0;
    const double second = b - max > KERNEL_EXP2_MIN ? special_exp((b - max) * LN_2) : 0;
    return max + special_log2(first + second / product);
}

static void score(struct kernel_score *job)
{
    job->sum = job->mass = 0;
    job->lowest = (double)INFINITY;
    job->highest = -(double)INFINITY;
    job->has_rest = false;
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        double product = 1;
        for (size_t d = 0; d < job->dims; d++) {
            const double z =
                (job->x[d * BLOCK_POINTS + i] - job->mean[d]) * job->inverse[d];
            product *= 1 + z * z;
        }
        job->score[i] = (double)NAN;
        job->bin[i] = -1;
        job->has_rest |= !(product < KERNEL_PRODUCT_MAX);
        if (product < KERNEL_PRODUCT_MAX) {
            const double own = job->log_density[i] / LN_2 + job->log_model;
            job->score[i] = log2_sum(own, job->log_peak, product) * LN_2;
            job->bin[i] = (int64_t)tail_bin(job->reference, job->score[i]);
            job->sum += job->weight[i] * job->score[i];
            job->mass += job->weight[i];
        }
        if (product < KERNEL_PRODUCT_MAX && job->weight[i] > 0) {
            job->lowest = fmin(job->lowest, job->score[i]);
            job->highest = fmax(job->highest, job->score[i]);
        }
    }
}

static bool spread(const struct kernel_spread *job)
{
    bool has_nan = false;
    for (size_t i = 0; i < job->n; i++) {
        for (size_t d = 0; d < job->dims; d++) {
            const double value = job->x[i * job->stride + d] + 0.0;
            job->out[d * BLOCK_POINTS + i] = value;
            has_nan |= isnan(value);
        }
    }
    return has_nan;
}

static bool within(const double *x, size_t n, double limit)
{
    bool is_within = true;
    for (size_t i = 0; i < n; i++) {
        is_within &= fabs(x[i]) <= limit;
    }
    return is_within;
}

static void weigh(struct kernel_weigh *job)
{
    job->sum = job->mass = 0;
    job->lost = 0;
    for (size_t i = 0; i < job->n; i++) {
        if (job->value[i] > -(double)INFINITY) {
            job->sum += job->weight[i] * job->value[i];
            job->mass += job->weight[i];
        } else {
            job->lost++;
        }
    }
}

static double gain(const double *value, const double *other, const double *weight,
                   size_t n, double limit)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = value[i] - other[i];
        if (!isnan(difference)) {
            sum += weight[i] * fmin(fmax(difference, -limit), limit);
        }
    }
    return sum;
}

static void squares(const double *resp, size_t components, size_t groups, double *out)
{
    for (size_t k = 0; k < components; k++) {
        out[k] = 0;
        for (size_t i = 0; i < groups * KERNEL_GROUP; i++) {
            out[k] += resp[k * BLOCK_POINTS + i] * resp[k * BLOCK_POINTS + i];
        }
    }
}

extern const struct kernel kernel_ref;
const struct kernel kernel_ref = {
    .name = "reference",
    .centre = centre,
    .rotate = rotate,
    .density_full = density_full,
    .density_diag = density_diag,
    .normalise = normalise,
    .total = total,
    .log_sum = log_sum,
    .log_density = log_density,
    .moments = moments,
    .moments_sparse = moments,
    .count_active = count_active,
    .mass = mass,
    .join = join,
    .blend = blend,
    .factor = factor,
    .log2 = log2_each,
    .exp2 = exp2_each,
    .highest = highest,
    .score = score,
    .spread = spread,
    .within = within,
    .weigh = weigh,
    .gain = gain,
    .squares = squares,
};
