/* SPDX-License-Identifier: MIT
 *
 * Moments in vectors across points, as a product of responsibilities with features
 * a_i a_j: tiles of 8 components x 3 features (4 x 6 where components are few) keep 24
 * sums in 32 registers, 4 x 3 keep 12 in 16. Features are made in the tile: storing them
 * for several tiles costs as much as making them again. */
#include <string.h>

#include "kernel.h"
#include "kernel_lane.h"
#include "matrix.h"

#if REGISTERS == 32
#define COMPONENTS 8
#else
#define COMPONENTS 4
#endif
#define FEATURES 3

/* A feature is the product of two rows of a. */
struct feature {
    size_t row, column;
};

static size_t count_features(const struct kernel_moments *job)
{
    return job->is_diagonal ? 1 + 2 * job->dims : packed_size(job->dims + 1);
}

static struct feature next(struct feature f, bool is_diagonal)
{
    if (f.column == f.row) {
        return (struct feature){f.row + 1, 0};
    }
    return (struct feature){f.row, is_diagonal ? f.row : f.column + 1};
}

/* totals[f * 8 + k] <- the sums of a tile of nk components and nf features. With fewer
 * lanes than eight the points are gone through once per slot. */
INLINE void tile(const struct kernel_moments *job, size_t nk, size_t nf,
                 const double *resp, const struct feature *features, double *totals)
{
#if SLOTS > 1
    double lanes[2 * FEATURES * 8 * 8] ALIGNED;
#endif
    const size_t stride = (job->dims + 1) * KERNEL_GROUP;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        vec sum[COMPONENTS][2 * FEATURES];
        UNROLL for (size_t k = 0; k < nk; k++) {
            UNROLL for (size_t f = 0; f < nf; f++) {
                sum[k][f] = all(0);
            }
        }
        for (size_t g = 0; g < job->groups; g++) {
            const double *a = job->a + g * stride + slot * LANES;
            const double *r = resp + g * KERNEL_GROUP + slot * LANES;
            for (size_t i = 0; i < KERNEL_GROUP; i += 8) {
                vec phi[2 * FEATURES];
                UNROLL for (size_t f = 0; f < nf; f++) {
                    phi[f] = load(a + features[f].row * KERNEL_GROUP + i) *
                             load(a + features[f].column * KERNEL_GROUP + i);
                }
                UNROLL for (size_t k = 0; k < nk; k++) {
                    const vec weight = pin(load(r + k * BLOCK_POINTS + i));
                    UNROLL for (size_t f = 0; f < nf; f++) {
                        sum[k][f] = fma_of(weight, phi[f], sum[k][f]);
                    }
                }
            }
        }
#if SLOTS > 1
        UNROLL for (size_t k = 0; k < nk; k++) {
            UNROLL for (size_t f = 0; f < nf; f++) {
                store(lanes + (f * 8 + k) * 8 + slot * LANES, sum[k][f]);
            }
        }
    }
    UNROLL for (size_t f = 0; f < nf; f++) {
        add_lanes(lanes + f * 64, totals + f * 8);
    }
#else
        UNROLL for (size_t f = 0; f < nf; f++) {
            vec column[8] = {{0}};
            UNROLL for (size_t k = 0; k < nk; k++) {
                column[k] = sum[k][f];
            }
            add_lanes(column, totals + f * 8);
        }
    }
#endif
}

/* All features of nk components from k on, nf at a time; the last tile overlaps the one
 * before it rather than being a smaller one. */
INLINE void strip(const struct kernel_moments *job, size_t k, size_t nk, size_t nf)
{
    const size_t n = count_features(job);
    const double *resp = job->resp + k * BLOCK_POINTS;
    struct feature features[2 * FEATURES] = {{0, 0}}, end = {0, 0};
    double totals[2 * FEATURES * 8] ALIGNED;
    for (size_t done = 0; done < n;) {
        const size_t fresh = n - done < nf ? n - done : nf;
        for (size_t f = 0; f + fresh < nf; f++) {
            features[f] = features[f + fresh];
        }
        for (size_t f = nf - fresh; f < nf; f++, end = next(end, job->is_diagonal)) {
            features[f] = end;
        }
        done += fresh;
        tile(job, nk, nf, resp, features, totals);
        UNROLL for (size_t f = 0; f < nf; f++) {
            memcpy(job->out + (done - nf + f) * job->stride + k, totals + f * 8,
                   nk * sizeof(*totals));
        }
    }
}

/* strip() by the number of components, at most COMPONENTS: small numbers leave room for
 * twice the features. */
void LEVELLED(kernel_moments)(const struct kernel_moments *job)
{
    const size_t parts = (job->components + COMPONENTS - 1) / COMPONENTS;
    const bool is_narrow = count_features(job) < 2 * FEATURES || REGISTERS < 32;
    for (size_t part = 0; part < parts; part++) {
        const size_t k = part * job->components / parts;
        const size_t n = (part + 1) * job->components / parts - k;
        switch (is_narrow ? n + COMPONENTS : n) {
#define STRIP(n, features)                                                               \
    strip(job, k, n, features);                                                          \
    break
#if COMPONENTS == 8
        case 1:
            STRIP(1, 6);
        case 2:
            STRIP(2, 6);
        case 3:
            STRIP(3, 6);
        case 4:
            STRIP(4, 6);
        case 5:
        case 5 + 8:
            STRIP(5, 3);
        case 6:
        case 6 + 8:
            STRIP(6, 3);
        case 7:
        case 7 + 8:
            STRIP(7, 3);
        case 8:
        case 8 + 8:
            STRIP(8, 3);
#endif
        case 1 + COMPONENTS:
            STRIP(1, 3);
        case 2 + COMPONENTS:
            STRIP(2, 3);
        case 3 + COMPONENTS:
            STRIP(3, 3);
        case 4 + COMPONENTS:
            STRIP(4, 3);
#undef STRIP
        default:
            break;
        }
    }
}

/* Four components at a time hide the latency of an addition. */
void LEVELLED(kernel_mass)(const double *resp, size_t components, size_t groups,
                           double *out)
{
    for (size_t k = 0; k < components; k += 4) {
        const size_t n = components - k < 4 ? components - k : 4;
        vec sum[4][SLOTS] = {{{0}}};
        const double *row[4];
        UNROLL for (size_t j = 0; j < 4; j++) {
            row[j] = resp + (k + (j < n ? j : 0)) * BLOCK_POINTS;
        }
        for (size_t i = 0; i < groups * KERNEL_GROUP; i += 8) {
            UNROLL for (size_t j = 0; j < 4; j++) {
                UNROLL for (size_t slot = 0; slot < SLOTS; slot++) {
                    sum[j][slot] += load(row[j] + i + slot * LANES);
                }
            }
        }
        for (size_t j = 0; j < n; j++) {
            out[k + j] = add_slots(sum[j]);
        }
    }
}

/* One row of scatter. product: that of other points, or (i, j) of some moments of which
 * s_j are the first. */
INLINE void join_row(const struct kernel_join *job, size_t i, size_t j,
                     const double *product, const double *s_j, double *scatter)
{
    const size_t n = job->components, stride = job->stride;
    for (size_t k = 0; k < n; k += LANES) {
        const size_t left = n - k;
        vec q = load_some(product + k, left);
        if (job->other == NULL) {
            q = fma_less(load_some(job->mean + i * stride + k, left),
                         load_some(s_j + k, left), q);
            q = i == j ? max_of(q, all(0)) : q;
        }
        if (job->delta != NULL) {
            const vec cross = load_some(job->between + k, left) *
                              load_some(job->delta + i * stride + k, left);
            q = fma_of(cross, load_some(job->delta + j * stride + k, left), q);
        }
        store_some(scatter + k, load_some(scatter + k, left) + q, left);
    }
}

/* Rows follow each other as in scatter. */
static void join_scatter(const struct kernel_join *job)
{
    const size_t n = job->stride;
    size_t at = 0;
    for (size_t i = 0; i < job->dims; i++) {
        for (size_t j = job->is_diagonal ? i : 0; j <= i; j++, at += n) {
            join_row(job, i, j, job->other + at, NULL, job->scatter + at);
        }
    }
}

/* And in moments with the sums of each field before its products. */
static void join_moments(const struct kernel_join *job)
{
    const size_t n = job->stride;
    double *scatter = job->scatter;
    for (size_t i = 0; i < job->dims; i++) {
        const double *s_i =
            job->moments + (job->is_diagonal ? 1 + 2 * i : packed_size(i + 1)) * n;
        if (job->is_diagonal) {
            join_row(job, i, i, s_i + n, s_i, scatter);
            scatter += n;
            continue;
        }
        for (size_t j = 0; j <= i; j++, scatter += n) {
            join_row(job, i, j, s_i + (j + 1) * n, job->moments + packed_size(j + 1) * n,
                     scatter);
        }
    }
}

void LEVELLED(kernel_join)(const struct kernel_join *job)
{
    (job->other != NULL ? join_scatter : join_moments)(job);
}
