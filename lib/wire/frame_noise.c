/* SPDX-License-Identifier: MIT
 *
 * Noise as JSON, beside the components:
 *
 *     "noise": {"weight": w, "mean": [D], "variance": [D]}
 *
 * and where not all is gaussian also its "parameters", in the form of the components', of
 * which there is one. The weights of the components sum to 1 - w. */
#include <stdlib.h>

#include "frame_impl.h"

json_t *frame_noise(const struct frame *frame)
{
    const struct mix_model *noise = mix_model_noise(frame->model);
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    mix_model_component(noise, 0, mean, variance);
    json_t *object =
        json_pack("{s:f, s:o, s:o}", "weight", mix_model_weights(noise)[0], "mean",
                  frame_vector(mean, frame->n_fields), "variance",
                  frame_vector(variance, frame->n_fields));
    if (!frame_is_gaussian(frame)) {
        struct frame own = *frame;
        own.model = noise;
        own.n_components = 1;
        if (json_object_set_new(object, "parameters", frame_parameters(&own)) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

bool frame_has_noise(const json_t *object)
{
    const json_t *noise = json_object_get(object, "noise");
    return noise != NULL && !json_is_null(noise);
}

/* The weights of the components, then that of the noise, owned by the caller. */
static double *read_weights(const json_t *object, size_t n, const struct report *report)
{
    const json_t *noise = json_object_get(object, "noise");
    const json_t *weight = json_object_get(noise, "weight");
    const double share = json_number_value(weight);
    double *weights = calloc(n + 1, sizeof(*weights));
    if (weights == NULL) {
        frame_fail(report, "model: out of memory: a smaller model");
    } else if (!json_is_number(weight) || !(share >= 0 && share <= 1)) {
        frame_fail(report, "noise.weight: not a number from 0 to 1: its share");
    } else if (frame_read_vector(json_object_get(object, "weights"), "weights", n,
                                 weights, report)) {
        weights[n] = share;
        return weights;
    }
    free(weights);
    return NULL;
}

/* The object with weights that sum to 1 without the noise; new reference. */
static json_t *without_noise(const json_t *object, const double *weights, size_t n)
{
    json_t *plain = json_copy((json_t *)(uintptr_t)object);
    double *scaled = calloc(n, sizeof(*scaled));
    for (size_t k = 0; scaled != NULL && k < n; k++) {
        /* All noise: which shares the components have does not matter. */
        scaled[k] = weights[n] < 1 ? weights[k] / (1 - weights[n]) : 1 / (double)n;
    }
    /* Without memory a copy lacks members, and nobody says so. */
    if (plain != NULL &&
        (scaled == NULL || json_object_size(plain) != json_object_size(object) ||
         json_object_del(plain, "noise") == -1 ||
         json_object_set_new(plain, "weights", frame_vector(scaled, n)) == -1)) {
        json_decref(plain);
        plain = NULL;
    }
    free(scaled);
    return plain;
}

static struct mix_model *read_gaussian(const json_t *noise, size_t n,
                                       const struct report *report)
{
    static const double one = 1;
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    enum mix_err err;
    if (!frame_read_vector(json_object_get(noise, "mean"), "noise.mean", n, mean,
                           report) ||
        !frame_read_vector(json_object_get(noise, "variance"), "noise.variance", n,
                           variance, report)) {
        return NULL;
    }
    struct mix_model *model = mix_model_new(n, 1, MIX_DIAG, &one, mean, variance, &err);
    if (model == NULL) {
        frame_fail(report, "noise: %s: finite means, variances above 0",
                   mix_strerror(err));
    }
    return model;
}

/* Noise is read as the model that it is, of one component. */
static struct mix_model *read_families(const json_t *object, const json_t *noise,
                                       const struct report *report)
{
    char why[256];
    const struct report own = {why, sizeof(why)};
    json_t *fields = json_object_get(object, "fields");
    json_t *model = json_pack("{s:O, s:[f], s:O*, s:O*}", "family",
                              json_object_get(object, "family"), "weights", 1.0,
                              "parameters", json_object_get(noise, "parameters"),
                              "fields", fields);
    struct mix_model *read = frame_read_families(model, NULL, &own);
    if (read == NULL) {
        frame_fail(report, "noise.%s", why);
    }
    json_decref(model);
    return read;
}

static struct mix_model *join(const struct mix_model *model, const json_t *object,
                              const double *weights, const struct report *report)
{
    const json_t *noise = json_object_get(object, "noise");
    struct mix_model *own =
        mix_model_is_gaussian(model)
            ? read_gaussian(noise, mix_model_dimensions(model), report)
            : read_families(object, noise, report);
    struct mix_model *both = NULL;
    enum mix_err err;
    if (own != NULL) {
        both = mix_model_with_noise(model, own, weights, &err);
    }
    if (own != NULL && both == NULL) {
        frame_fail(report, "noise: %s: as the components, and weights that sum to 1",
                   mix_strerror(err));
    }
    mix_model_destroy(&own);
    return both;
}

struct mix_model *frame_read_noise(const json_t *object, const json_t **fields,
                                   const struct report *report)
{
    const size_t n = json_array_size(json_object_get(object, "weights"));
    struct mix_model *model = NULL, *both = NULL;
    double *weights = read_weights(object, n, report);
    json_t *plain = weights != NULL ? without_noise(object, weights, n) : NULL;
    if (plain != NULL) {
        model = frame_model(plain, NULL, report->text, report->size);
    } else if (weights != NULL) {
        frame_fail(report, "model: out of memory: a smaller model");
    }
    if (model != NULL) {
        both = join(model, object, weights, report);
    }
    if (fields != NULL) {
        *fields = json_object_get(object, "fields");
    }
    mix_model_destroy(&model);
    json_decref(plain);
    free(weights);
    return both;
}
