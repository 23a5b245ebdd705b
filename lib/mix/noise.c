/* SPDX-License-Identifier: MIT */
#include "noise.h"

#include <math.h>
#include <stdlib.h>

#include "search.h"

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
