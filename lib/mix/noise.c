/* SPDX-License-Identifier: MIT */
#include "noise.h"

#include <math.h>
#include <stdlib.h>

#include "search.h"
#include "stats.h"

/* Those of a uniform distribution over what the field covers. */
static void set_gaussian(const struct factor *f, const struct scales *scales,
                         double *param)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const size_t i = f->first + d;
        const double width = scales->high[i] - scales->low[i];
        param[d] = scales->low[i] + width / 2;
        param[f->dimensions + d] = fmax(width * width / 12, scales->floor[i]);
    }
}

void noise_measure(struct mix_model *noise, struct em *em, const struct points *points,
                   struct scales *scales)
{
    const double weight = noise->weights[0];
    const struct prior prior = prior_of(scales);
    double *param = noise->param;
    scales_first_prior(scales, 1);
    em_from_kmeans(em, NULL, points, &prior, noise);
    for (size_t i = 0; i < noise->shape.n_factors; i++) {
        const struct factor *f = &noise->shape.factors[i];
        if (f->family->id == MIX_GAUSSIAN) {
            set_gaussian(f, scales, param);
        }
        param += f->family->param_size(f);
    }
    noise->weights[0] = weight;
    (void)model_prepare(noise); /* variances are no smaller than their floors */
}

/* Points drawn from a model to measure it. */
#define DRAWS 4096

bool noise_of_model(struct mix_model *noise, const struct mix_model *model)
{
    const size_t dims = model->shape.dimensions;
    struct points *points = model_draw(model, DRAWS);
    struct scales *scales = scales_new(dims);
    struct em *em = em_new(&noise->shape);
    struct weighted *values = calloc(SCALES_SCRATCH * DRAWS, sizeof(*values));
    const bool has_room =
        points != NULL && scales != NULL && em != NULL && values != NULL;
    for (size_t d = 0; has_room && d < dims; d++) {
        scales_measure(scales, points, d, (double)NAN, values);
    }
    if (has_room) {
        noise_measure(noise, em, points, scales);
    }
    points_destroy(&points);
    scales_destroy(&scales);
    em_destroy(&em);
    free(values);
    return has_room;
}

/* ---- Of two models ------------------------------------------------------- */

/* A uniform distribution reaches so many standard deviations each way. */
#define REACH 1.7320508075688772

/* Those of a uniform distribution over what both reach. */
static void unite_gaussian(const struct factor *f, const double *a, const double *b,
                           double *param)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double sd_a = REACH * sqrt(a[f->dimensions + d]);
        const double sd_b = REACH * sqrt(b[f->dimensions + d]);
        const double low = fmin(a[d] - sd_a, b[d] - sd_b);
        const double half = (fmax(a[d] + sd_a, b[d] + sd_b) - low) / 2;
        param[d] = low + half;
        param[f->dimensions + d] = half * half / 3;
    }
}

static enum mix_err unite(struct mix_model *to, const struct mix_model *a,
                          const struct mix_model *b, const struct stats *both)
{
    double smallest[MIX_DIMENSIONS_MAX];
    for (size_t d = 0; d < to->shape.dimensions; d++) {
        smallest[d] = 1e-280; /* what keeps a root in range */
    }
    const struct prior prior = {.nu0 = 0, .s0 = smallest, .vf = smallest};
    const enum mix_err err = stats_mstep(both, 1, &prior, to, NULL);
    const double *from_a = a->param, *from_b = b->param;
    double *param = to->param;
    for (size_t i = 0; err == MIX_OK && i < to->shape.n_factors; i++) {
        const struct factor *f = &to->shape.factors[i];
        if (f->family->id == MIX_GAUSSIAN) {
            unite_gaussian(f, from_a, from_b, param);
        }
        from_a += f->family->param_size(f);
        from_b += f->family->param_size(f);
        param += f->family->param_size(f);
    }
    to->weights[0] = a->weights[0];
    return err == MIX_OK ? model_prepare(to) : err;
}

bool noise_unite(struct mix_model *model, const struct mix_model *other, double share)
{
    const struct mix_model *b = other->noise;
    struct mix_model *a = mix_model_copy(model->noise);
    struct stats *both = stats_new(&b->shape), *own = stats_new(&b->shape);
    const bool has_room = a != NULL && both != NULL && own != NULL;
    if (has_room) {
        stats_of_model(both, a);
        stats_of_model(own, b);
        both->rho[0] = own->rho[0] = 1;
        stats_merge(both, own, &b->shape, share);
        if (unite(model->noise, a, b, both) != MIX_OK) {
            model_assign(model->noise, a);
        }
    }
    mix_model_destroy(&a);
    stats_destroy(&both);
    stats_destroy(&own);
    return has_room;
}
