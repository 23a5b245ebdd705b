/* SPDX-License-Identifier: MIT
 *
 * Models as JSON. */
#include "frame_impl.h"

#include <math.h>
#include <stdlib.h>

json_t *frame_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *frame_vector(const double *values, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(array, frame_number(values[i])) == -1) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* n x m numbers as an array of arrays. */
json_t *frame_matrix(const double *values, size_t n, size_t m)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(array, frame_vector(values + i * m, m)) == -1) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *covariances_json(const struct mix_model *model)
{
    const double *const values = mix_model_covariances(model);
    const size_t n_components = mix_model_components(model);
    const size_t n_dimensions = mix_model_dimensions(model);
    switch (mix_model_covariance(model)) {
    case MIX_DIAG:
        return frame_matrix(values, n_components, n_dimensions);
    case MIX_SPHERICAL:
        return frame_vector(values, n_components);
    case MIX_TIED:
        return frame_matrix(values, n_dimensions, n_dimensions);
    default:
        break;
    }
    json_t *array = json_array();
    const size_t size = n_dimensions * n_dimensions;
    for (size_t k = 0; k < n_components; k++) {
        json_t *matrix = frame_matrix(values + k * size, n_dimensions, n_dimensions);
        if (json_array_append_new(array, matrix) == -1) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *string_json(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *count_json(uint64_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *strings_json(const char *const *text, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(array, json_string(text[i])) == -1) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *ids_json(const uint64_t *ids, size_t n)
{
    json_t *array = json_array();
    for (size_t k = 0; k < n; k++) {
        if (json_array_append_new(array, count_json(ids[k])) == -1) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* An object under way; a member that could not be made spoils it. */
struct object {
    json_t *json;
    bool is_whole;
};

static void add(struct object *object, const char *name, json_t *value)
{
    if (json_object_set_new(object->json, name, value) == -1) {
        object->is_whole = false;
    }
}

static void add_model(struct object *object, const struct frame *frame)
{
    const struct mix_model *model = frame->model;
    const struct mix_info *info = frame->info;
    const bool has_ids = model != NULL && info != NULL && info->ids != NULL;
    const size_t n_components = frame->n_components;
    add(object, "ids", has_ids ? ids_json(info->ids, n_components) : json_null());
    const bool is_gaussian = frame_is_gaussian(frame);
    if (model == NULL) {
        add(object, "weights", json_null());
        add(object, "means", json_null());
        add(object, is_gaussian ? "covariances" : "parameters", json_null());
        return;
    }
    add(object, "weights", frame_vector(mix_model_weights(model), n_components));
    if (mix_model_noise(model) != NULL) {
        add(object, "noise", frame_noise(frame));
    }
    if (!is_gaussian) {
        add(object, "means", frame_means(model));
        add(object, "parameters", frame_parameters(frame));
        return;
    }
    add(object, "means",
        frame_matrix(mix_model_means(model), n_components, mix_model_dimensions(model)));
    add(object, "covariances", covariances_json(model));
}

static const char *state_name(enum mix_state state)
{
    static const char *const names[] = {
        [MIX_WARMUP] = "warmup", [MIX_LEARNING] = "learning", [MIX_FROZEN] = "frozen"};
    return names[state];
}

/* The fields that have shown a single value so far, and it. */
static json_t *dormant_json(const struct frame *frame)
{
    const double *value = frame->info->dormant;
    json_t *object = json_object();
    for (size_t d = 0; value != NULL && d < frame->n_fields; d++) {
        if (isfinite(value[d]) &&
            json_object_set_new(object, frame->fields[d], json_real(value[d])) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Standard errors, or null where there are none. */
static json_t *errors_json(const struct frame *frame)
{
    if (frame->learner == NULL || frame->model == NULL) {
        return json_null();
    }
    const size_t n = frame->n_components, d = frame->n_fields;
    double *errors = calloc(n * (d + 1), sizeof(*errors));
    json_t *json = NULL;
    if (errors != NULL && mix_learner_errors(frame->learner, errors, errors + n * d)) {
        json = json_pack("{s:o, s:o}", "means", frame_matrix(errors, n, d), "weights",
                         frame_vector(errors + n * d, n));
    } else if (errors != NULL) {
        json = json_null();
    }
    free(errors);
    return json;
}

static void add_info(struct object *object, const struct frame *frame)
{
    const struct mix_info *info = frame->info;
    const bool has_resolution = info->resolution != NULL;
    add(object, "points", count_json(info->points));
    add(object, "updates", count_json(info->updates));
    add(object, "effective_points", frame_number(info->effective_points));
    add(object, "resolution",
        has_resolution ? frame_vector(info->resolution, frame->n_fields) : json_null());
    add(object, "floored", count_json(info->floored));
    add(object, "dormant", dormant_json(frame));
    add(object, "errors", errors_json(frame));
    add(object, "log_likelihood", frame_number(info->log_likelihood));
}

json_t *frame_json(const struct frame *frame)
{
    struct object object = {json_object(), true};
    add(&object, "schema", json_integer(FRAME_SCHEMA));
    add(&object, "stream", string_json(frame->stream));
    add(&object, "key", string_json(frame->key));
    add(&object, "instance", string_json(frame->instance));
    add(&object, "seq", count_json(frame->seq));
    add(&object, "time", frame_number(frame->time));
    add(&object, "last_time", frame_number(frame->last_time));
    if (frame->info != NULL) {
        add(&object, "state", json_string(state_name(frame->info->state)));
    }
    add(&object, "family", frame_families(frame));
    add(&object, "covariance_type",
        string_json(frame_is_gaussian(frame) ? mix_covariance_name(frame->covariance)
                                             : NULL));
    add(&object, "fields", strings_json(frame->fields, frame->n_fields));
    add(&object, "n_components", count_json(frame->n_components));
    add_model(&object, frame);
    if (frame->info != NULL) {
        add_info(&object, frame);
    }
    if (frame->ledger != NULL) {
        add(&object, "ledger", ledger_json(frame->ledger));
    }
    if (!object.is_whole) {
        json_decref(object.json);
        return NULL;
    }
    return object.json;
}

char *frame_text(const json_t *object)
{
    return json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
}
