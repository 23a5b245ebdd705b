/* SPDX-License-Identifier: MIT
 *
 * A family of component densities is one row of a table of functions. The driver
 * (E-step, statistics, M-step, learner) knows weights and responsibilities; all that
 * depends on the form of a component is behind this table. Adding a family is one
 * file family_NAME.c and one row in family.c, in the order of enum mix_family. Families
 * of one number, which are all but gaussian, are written against the smaller table of
 * field.h. tests/numeric/test_families.c loops over the rows.
 *
 * A factor is one family over some of the fields; a mixture component is the product
 * of its factors, so log densities add over factors. Every array of a factor covers
 * all K components (a tied covariance is shared between them):
 *
 *     param   what the user sees: for gaussian means [K][D], then covariances by type
 *     cache   derived from param for the E-step: factors, log normalisers
 *     stats   running mean sufficient statistics, beside the driver's rho[K]:
 *             for gaussian m [K][D], then C by type, centred (stats.c)
 *     sums    sums of blocks about the means of the model that made the
 *             responsibilities: for gaussian mass, mean and scatter (gaussian.h)
 *
 * All are plain doubles without pointers: to copy is memcpy, to store is to write them.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mix.h"
#include "points.h"
#include "rng.h"

struct factor {
    const struct family *family;
    size_t components;              /* K */
    size_t dimensions;              /* fields of this factor */
    size_t first;                   /* its fields are [first, first + dimensions) */
    enum mix_covariance covariance; /* gaussian only */
    size_t categories;              /* categorical only: values 0..categories - 1 */
};

/* What regularises an M-step; arrays of the factor's dimensions, units of x squared.
 * Fraley and Raftery 2007, with S0 from the components: the weighted
 * geometric mean of their variances. */
struct prior {
    double nu0;       /* weight of S0 in points; 0 switches the prior off */
    const double *s0; /* prior variance of each field */
    const double *vf; /* smallest variance of each field (resolution.h) */
    const double *mean; /* mean of each field over all points, or NULL; gaussian: not read */
};

struct kernel;
struct field_form;

/* Components [first, end). */
struct span {
    size_t first, end;
};

/* What an E-step works with besides its input. */
struct workspace {
    const struct kernel *kernel;
    double *scratch; /* the largest scratch_size of the factors */
    double *offset;  /* BLOCK_POINTS: to add to the log density of each point, bits */
};

/* Ways to cut a component in two. */
enum family_cut { CUT_FIRST_AXIS, CUT_SECOND_AXIS, CUT_THIRD_AXIS, CUT_NESTED, FAMILY_CUTS };

/* Fields of a factor, counted from its first: some are seen, the distribution of others
 * is wanted; what is neither is integrated out. Both rising. */
struct family_fields {
    size_t n_seen, n_wanted;
    size_t seen[MIX_DIMENSIONS_MAX], wanted[MIX_DIMENSIONS_MAX];
};

struct family {
    const char *name;
    enum mix_family id;
    const struct field_form *form; /* of a family of one number; NULL: gaussian */
    size_t (*param_size)(const struct factor *f);
    size_t (*cache_size)(const struct factor *f);
    size_t (*stats_size)(const struct factor *f);
    size_t (*sums_size)(const struct factor *f);
    size_t (*scratch_size)(const struct factor *f);
    /* Free parameters, weights not counted. */
    size_t (*parameters)(const struct factor *f);
    /* cache from param. MIX_ECOVARIANCE when param cannot be a density. */
    enum mix_err (*prepare)(const struct factor *f, const double *param, double *cache);
    /* out[k * BLOCK_POINTS + i] <- base[k] + log2 f(x_i | k) - c_i, or where base is NULL
     * adds log2 f - c_i to it; -inf where it underflows. c_i is common to the components:
     * what is returned, and for points with missing entries, which are integrated out,
     * what is added to work->offset[i] on top of it. */
    double (*log_density)(const struct factor *f, const double *param,
                          const double *cache, const struct workspace *work,
                          const struct block *block, const double *base, double *out);
    /* Adds the block's sums of some components about the means in param, with the
     * responsibilities resp[k * BLOCK_POINTS + i] (already times the point's weight);
     * others are neither read nor written, so several calls may run at a time. */
    void (*accumulate)(const struct factor *f, const double *param, const double *cache,
                       const struct workspace *work, const struct block *block,
                       const double *resp, struct span ks, double *sums);
    /* Adds the sums of other points about the same means. */
    void (*join)(const struct factor *f, const struct workspace *work, double *sums,
                 const double *other);
    /* stats <- stats blended with the block: share[k] = gamma r_k / rho'_k, mass[k] = sum
     * of responsibilities; components with mass 0 stay as they are. */
    void (*blend)(const struct factor *f, double *stats, const double *param,
                  const double *share, const double *mass, const double *sums);
    /* stats <- (1 - share) stats + share other, centred (BLEND_STATE). */
    void (*merge)(const struct factor *f, double *stats, const double *share,
                  const double *other);
    /* param from stats; points[k] = n_eff rho_k, the points behind component k.
     * Returns how many variances were raised to their floor. */
    size_t (*mstep)(const struct factor *f, const double *stats, const double *points,
                    const struct prior *prior, double *param);
    /* stats of which param is the M-step without a prior; for a start from a model. */
    void (*invert)(const struct factor *f, const double *param, double *stats);
    /* Component k of stats <- component from_k of other statistics of the same factor but
     * for its number of components. */
    void (*place)(const struct factor *f, double *stats, size_t k,
                  const struct factor *from_f, const double *from, size_t from_k);
    /* Component k in two halves of equal weight that have its moments together, for one
     * of FAMILY_CUTS ways to cut: along its widest axes, in units of the deviations
     * sqrt(s0), or into a narrow and a wide one. pair: statistics of two components. */
    void (*split)(const struct factor *f, const double *stats, size_t k,
                  enum family_cut cut, const double *s0, double *pair);
    /* Mean and variance of each field of the factor under component k. */
    void (*moments)(const struct factor *f, const double *param, size_t k, double *mean,
                    double *variance);
    /* What the prior variance S0 is the geometric mean of; mean: of each field over all
     * points. NULL: the variances that moments() gives. */
    void (*spread)(const struct factor *f, const double *param, size_t k,
                   const double *mean, double *spread);
    /* One draw of component k into x. */
    void (*sample)(const struct factor *f, const double *param, size_t k, struct rng *rng,
                   double *x);
    /* Covariance of two different fields under component k; NULL: always 0. */
    double (*covariance)(const struct factor *f, const double *param, size_t k, size_t i,
                         size_t j);
    /* out <- param of the wanted fields, given the values x (one for each field of the
     * factor, read where seen); out_f: the same family over the wanted fields. NULL for
     * families of one field, of which nothing can be derived. MIX_ECOVARIANCE where the
     * covariance of the seen fields cannot be factored, MIX_ENOMEM. */
    enum mix_err (*derive)(const struct factor *f, const double *param,
                           const struct family_fields *fields, const double *x,
                           const struct factor *out_f, double *out);
};

/* What noise has in the place of a family: as broad as it can be with the same mean. */
const struct family *family_of_noise(enum mix_family id);
/* The row of a family, which must be one. */
const struct family *family_of(enum mix_family id);
/* The row of that name, or NULL. */
const struct family *family_find(const char *name);
/* The rows, ended by NULL. */
const struct family *const *family_table(void);

#endif
