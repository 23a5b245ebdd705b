/* SPDX-License-Identifier: MIT */
#include "noise.h"

#include <math.h>
#include <stdlib.h>

#include "search.h"

/* Means and variances of a gaussian factor as the scales have them. */
static void set_gaussian(const struct factor *f, const struct scales *scales,
                         double *param)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double sd = scales->sd[f->first + d];
        param[d] = scales->median[f->first + d];
        param[f->dimensions + d] = sd * sd;
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
    struct weighted *values = calloc(DRAWS, sizeof(*values));
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

static bool is_near(const struct scales *scales, const double *x)
{
    for (size_t d = 0; d < scales->dimensions; d++) {
        const double off = fabs(x[d] - scales->median[d]);
        if (off > NOISE_REACH * sqrt(scales->variance[d])) { /* not where x is missing */
            return false;
        }
    }
    return true;
}

void noise_leave_out(struct points *near, const struct points *points,
                     const struct scales *scales)
{
    double x[MIX_DIMENSIONS_MAX], weight, time;
    const struct mix_rows row = {
        .x = x, .n = 1, .stride = scales->dimensions, .weight = &weight, .time = &time};
    points_clear(near);
    for (size_t i = 0; i < points_count(points); i++) {
        points_get(points, i, x, &weight, &time);
        if (is_near(scales, x)) {
            points_append(near, &row, 0, 1);
        }
    }
    if (2 * points_count(near) < points_count(points)) {
        points_stride(near, points);
    }
}
