/* SPDX-License-Identifier: MIT
 *
 * Rows of the table of families from forms of one number: loops over the cells of a
 * factor. What is done with cell (k, d) is the form's business, field.h has the layout.
 */
#include "field.h"

#include <math.h>
#include <string.h>

#include "model.h"

static const struct field_form *form_of(const struct factor *f)
{
    return f->family->form;
}

static size_t width(const struct factor *f)
{
    return form_of(f)->has_categories ? f->categories : 1;
}

static size_t n_names(const struct factor *f)
{
    size_t n = 0;
    while (form_of(f)->names[n] != NULL) {
        n++;
    }
    return n;
}

static size_t n_param(const struct factor *f)
{
    return n_names(f) * width(f);
}

static size_t n_stats(const struct factor *f)
{
    return form_of(f)->n_stats * width(f);
}

static size_t n_cache(const struct factor *f)
{
    return form_of(f)->n_cache * width(f);
}

static size_t n_cells(const struct factor *f)
{
    return f->components * f->dimensions;
}

size_t field_param_size(const struct factor *f)
{
    return n_cells(f) * n_param(f);
}

size_t field_cache_size(const struct factor *f)
{
    return n_cells(f) * n_cache(f);
}

size_t field_stats_size(const struct factor *f)
{
    return n_cells(f) * (1 + n_stats(f));
}

size_t field_scratch_size(const struct factor *f)
{
    return (form_of(f)->n_features + 1) * BLOCK_POINTS;
}

size_t field_parameters(const struct factor *f)
{
    const size_t fixed = form_of(f)->has_categories ? 1 : 0; /* they sum to 1 */
    return n_cells(f) * (n_param(f) - fixed);
}

size_t field_width(const struct factor *f, size_t i)
{
    return i < n_names(f) ? width(f) : 0;
}

void field_get(const struct factor *f, const double *param, size_t d, size_t i,
               double *out)
{
    const size_t n = width(f);
    for (size_t k = 0; k < f->components; k++) {
        const double *from = param + (k * f->dimensions + d) * n_param(f) + i * n;
        memcpy(out + k * n, from, n * sizeof(*out));
    }
}

void field_set(const struct factor *f, double *param, size_t d, size_t i,
               const double *values)
{
    const size_t n = width(f);
    for (size_t k = 0; k < f->components; k++) {
        double *to = param + (k * f->dimensions + d) * n_param(f) + i * n;
        memcpy(to, values + k * n, n * sizeof(*to));
    }
}

enum mix_err field_prepare(const struct factor *f, const double *param, double *cache)
{
    for (size_t c = 0; c < n_cells(f); c++) {
        if (!form_of(f)->prepare(f, param + c * n_param(f), cache + c * n_cache(f))) {
            return MIX_EVALUE;
        }
    }
    return MIX_OK;
}

/* ---- E-step ---------------------------------------------------------------- */

/* The values of a field of a block, looked at. */
struct view {
    enum { SEEN, MISSING, OUTSIDE } is[BLOCK_POINTS];
    double *feature[FIELD_FEATURES], *common; /* BLOCK_POINTS each, in the scratch */
};

static void look(const struct factor *f, const struct block *block, size_t d,
                 double *scratch, struct view *view)
{
    const struct field_form *form = form_of(f);
    const double *x = block->x + (f->first + d) * BLOCK_POINTS;
    view->common = scratch;
    for (size_t j = 0; j < form->n_features; j++) {
        view->feature[j] = scratch + (j + 1) * BLOCK_POINTS;
    }
    for (size_t i = 0; i < block->n; i++) {
        struct field_value value = {{0}, 0};
        view->is[i] = x[i] != x[i]                         ? MISSING
                      : form->accepts(f->categories, x[i]) ? SEEN
                                                           : OUTSIDE;
        if (view->is[i] == SEEN) {
            value = form->look(x[i]);
        }
        view->common[i] = value.common;
        for (size_t j = 0; j < form->n_features; j++) {
            view->feature[j][i] = value.feature[j];
        }
    }
}

/* Adds the log density of one cell to out. */
static void add_density(const struct field_form *form, const struct view *view, size_t n,
                        const double *cache, double *out)
{
    double feature[FIELD_FEATURES] = {0};
    for (size_t i = 0; i < n; i++) {
        if (view->is[i] == SEEN) {
            for (size_t j = 0; j < form->n_features; j++) {
                feature[j] = view->feature[j][i];
            }
            out[i] += form->density(cache, feature);
        } else if (view->is[i] == OUTSIDE) {
            out[i] = -(double)INFINITY;
        }
    }
}

double field_log_density(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *base, double *out)
{
    struct view view;
    (void)param;
    for (size_t k = 0; base != NULL && k < f->components; k++) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            out[k * BLOCK_POINTS + i] = base[k];
        }
    }
    for (size_t d = 0; d < f->dimensions; d++) {
        look(f, block, d, work->scratch, &view);
        for (size_t i = 0; i < block->n; i++) {
            work->offset[i] += view.common[i];
        }
        for (size_t k = 0; k < f->components; k++) {
            add_density(form_of(f), &view, block->n,
                        cache + (k * f->dimensions + d) * n_cache(f),
                        out + k * BLOCK_POINTS);
        }
    }
    return 0;
}

/* ---- Statistics ------------------------------------------------------------ */

/* Means of the features. */
static void gather_means(const struct field_form *form, const struct field_points *points,
                         double *stats)
{
    for (size_t j = 0; j < form->n_features; j++) {
        double sum = 0;
        for (size_t i = 0; i < points->n; i++) {
            sum += points->resp[i] * points->feature[j][i];
        }
        stats[j] = sum / points->mass;
    }
}

static void combine(const struct factor *f, double *stats, double share,
                    const double *other)
{
    if (form_of(f)->combine != NULL) {
        form_of(f)->combine(stats, share, other);
        return;
    }
    for (size_t s = 0; s < n_stats(f); s++) {
        stats[s] += share * (other[s] - stats[s]);
    }
}

/* What comes in where nothing is yet is taken as it is. */
static void join(const struct factor *f, double *stats, double share, const double *other)
{
    if (share >= 1) {
        memcpy(stats, other, n_stats(f) * sizeof(*stats));
    } else if (share > 0) {
        combine(f, stats, share, other);
    }
}

/* Adds the points of one cell to its sums. */
static void add_points(const struct factor *f, const double *cache,
                       const struct view *view, const double *resp, size_t n,
                       double *sums)
{
    const struct field_form *form = form_of(f);
    double seen[BLOCK_POINTS], stats[MIX_CATEGORIES_MAX];
    struct field_points points = {.resp = seen, .n = n};
    for (size_t i = 0; i < n; i++) {
        seen[i] = view->is[i] == SEEN ? resp[i] : 0;
        points.mass += seen[i];
    }
    if (!(points.mass > 0)) {
        return;
    }
    for (size_t j = 0; j < form->n_features; j++) {
        points.feature[j] = view->feature[j];
    }
    if (form->gather != NULL) {
        form->gather(f, cache, &points, stats);
    } else {
        gather_means(form, &points, stats);
    }
    sums[0] += points.mass;
    join(f, sums + 1, points.mass / sums[0], stats);
}

void field_accumulate(const struct factor *f, const double *param, const double *cache,
                      const struct workspace *work, const struct block *block,
                      const double *resp, struct span ks, double *sums)
{
    struct view view;
    (void)param;
    for (size_t d = 0; d < f->dimensions; d++) {
        look(f, block, d, work->scratch, &view);
        for (size_t k = ks.first; k < ks.end; k++) {
            const size_t cell = k * f->dimensions + d;
            add_points(f, cache + cell * n_cache(f), &view, resp + k * BLOCK_POINTS,
                       block->n, sums + cell * (1 + n_stats(f)));
        }
    }
}

void field_join(const struct factor *f, const struct workspace *work, double *sums,
                const double *other)
{
    const size_t size = 1 + n_stats(f);
    (void)work;
    for (size_t c = 0; c < n_cells(f); c++, sums += size, other += size) {
        sums[0] += other[0];
        join(f, sums + 1, other[0] > 0 ? other[0] / sums[0] : 0, other + 1);
    }
}

/* A cell takes in the share of other statistics, of which the part `seen` had a value. */
static void blend_cell(const struct factor *f, double *stats, double share, double seen,
                       const double *other)
{
    const double part = share * seen;
    stats[0] = (1 - share) * stats[0] + part;
    join(f, stats + 1, stats[0] > 0 ? part / stats[0] : 0, other);
}

void field_blend(const struct factor *f, double *stats, const double *param,
                 const double *share, const double *mass, const double *sums)
{
    const size_t size = 1 + n_stats(f);
    (void)param;
    for (size_t c = 0; c < n_cells(f); c++) {
        const size_t k = c / f->dimensions;
        const double *from = sums + c * size;
        /* The mass was added in another order: it may be less by its rounding. */
        const double seen = mass[k] > 0 ? fmin(from[0] / mass[k], 1) : 0;
        blend_cell(f, stats + c * size, share[k], seen, from + 1);
    }
}

void field_merge(const struct factor *f, double *stats, const double *share,
                 const double *other)
{
    const size_t size = 1 + n_stats(f);
    for (size_t c = 0; c < n_cells(f); c++) {
        const double *from = other + c * size;
        blend_cell(f, stats + c * size, share[c / f->dimensions], from[0], from + 1);
    }
}

void field_place_stats(const struct factor *f, double *stats, size_t k,
                       const struct factor *from_f, const double *from, size_t from_k)
{
    const size_t size = f->dimensions * (1 + n_stats(f));
    (void)from_f;
    memcpy(stats + k * size, from + from_k * size, size * sizeof(*stats));
}

/* Every field is cut, and EM on the halves finds which of them matter. The ways differ
 * in which fields go together: all to one side, every other one, every other pair. */
void field_split(const struct factor *f, const double *stats, size_t k,
                 enum family_cut cut, const double *s0, double *pair)
{
    const size_t size = 1 + n_stats(f);
    struct factor two = *f;
    (void)s0;
    two.components = 2;
    for (size_t half = 0; half < 2; half++) {
        field_place_stats(&two, pair, half, f, stats, k);
        for (size_t d = 0; d < f->dimensions; d++) {
            const size_t field = f->first + d;
            const bool turns = (cut == CUT_SECOND_AXIS && field % 2 == 1) ||
                               (cut == CUT_THIRD_AXIS && field / 2 % 2 == 1);
            const double side = (half == 0) == turns ? -1 : 1;
            form_of(f)->cut(f, cut == CUT_NESTED ? (half == 0 ? 1 : -1) : side,
                            cut == CUT_NESTED,
                            pair + (half * f->dimensions + d) * size + 1);
        }
    }
}

/* ---- M-step ---------------------------------------------------------------- */

double field_pulled(double mean, double n, const struct field_prior *prior)
{
    const double pull = prior->nu0 > 0 ? FIELD_PULL : 0, total = n + pull;
    return total > 0 ? n / total * mean + pull / total * prior->mean : mean;
}

size_t field_mstep(const struct factor *f, const double *stats, const double *points,
                   const struct prior *prior, double *param)
{
    const size_t size = 1 + n_stats(f);
    size_t floored = 0;
    for (size_t c = 0; c < n_cells(f); c++) {
        const size_t k = c / f->dimensions, d = c % f->dimensions;
        const double *cell = stats + c * size;
        const bool has_mean = prior->mean != NULL;
        const struct field_prior own = {.nu0 = has_mean ? prior->nu0 : 0,
                                        .s0 = prior->s0[d],
                                        .vf = prior->vf[d],
                                        .mean = has_mean ? prior->mean[d] : 0};
        floored += form_of(f)->mstep(f, cell + 1, points[k] * cell[0], &own,
                                     param + c * n_param(f));
    }
    return floored;
}

void field_invert(const struct factor *f, const double *param, double *stats)
{
    for (size_t c = 0; c < n_cells(f); c++) {
        double *cell = stats + c * (1 + n_stats(f));
        cell[0] = 1;
        form_of(f)->invert(f, param + c * n_param(f), cell + 1);
    }
}

/* ---- What users and the search ask ----------------------------------------- */

void field_moments(const struct factor *f, const double *param, size_t k, double *mean,
                   double *variance)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        form_of(f)->moments(f, param + (k * f->dimensions + d) * n_param(f), &mean[d],
                            &variance[d]);
    }
}

void field_spread(const struct factor *f, const double *param, size_t k,
                  const double *mean, double *spread)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double *own = param + (k * f->dimensions + d) * n_param(f);
        double unused;
        if (form_of(f)->spread != NULL) {
            spread[d] = form_of(f)->spread(own, mean[d]);
        } else {
            form_of(f)->moments(f, own, &unused, &spread[d]);
        }
    }
}

void field_sample(const struct factor *f, const double *param, size_t k, struct rng *rng,
                  double *x)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        x[d] = form_of(f)->sample(f, param + (k * f->dimensions + d) * n_param(f), rng);
    }
}

/* Fields are independent: what is seen of some says nothing of the others. */
enum mix_err field_derive(const struct factor *f, const double *param,
                          const struct family_fields *fields, const double *x,
                          const struct factor *out_f, double *out)
{
    const size_t n = n_param(f);
    (void)x;
    for (size_t k = 0; k < f->components; k++) {
        for (size_t a = 0; a < fields->n_wanted; a++) {
            memcpy(out + (k * out_f->dimensions + a) * n,
                   param + (k * f->dimensions + fields->wanted[a]) * n, n * sizeof(*out));
        }
    }
    return MIX_OK;
}

/* ---- Columns for k-means --------------------------------------------------- */

bool field_has_columns(const struct shape *shape)
{
    for (size_t j = 0; j < shape->n_factors; j++) {
        const struct field_form *form = form_of(&shape->factors[j]);
        if (form != NULL && form->place != NULL) {
            return true;
        }
    }
    return false;
}

/* Columns of each field of a factor. */
static size_t columns_of(const struct factor *f)
{
    const struct field_form *form = form_of(f);
    return form != NULL && form->columns != NULL ? form->columns(f) : 1;
}

size_t field_columns(const struct shape *shape)
{
    size_t n = 0;
    for (size_t j = 0; j < shape->n_factors; j++) {
        n += shape->factors[j].dimensions * columns_of(&shape->factors[j]);
    }
    return n;
}

void field_place(const struct shape *shape, const double *x, double *columns)
{
    for (size_t j = 0; j < shape->n_factors; j++) {
        const struct factor *f = &shape->factors[j];
        const struct field_form *form = form_of(f);
        const size_t n = columns_of(f);
        for (size_t d = 0; d < f->dimensions; d++, columns += n) {
            const double value = x[f->first + d];
            if (form != NULL && form->place != NULL && value == value) {
                form->place(f, value, columns);
                continue;
            }
            for (size_t c = 0; c < n; c++) {
                columns[c] = value;
            }
        }
    }
}

bool field_is_scaled(const struct shape *shape, size_t column)
{
    size_t end = 0;
    for (size_t j = 0; j < shape->n_factors; j++) {
        const struct factor *f = &shape->factors[j];
        end += f->dimensions * columns_of(f);
        if (column < end) {
            return form_of(f) == NULL || !form_of(f)->keeps_scale;
        }
    }
    return true;
}
