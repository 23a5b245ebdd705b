/* SPDX-License-Identifier: MIT
 *
 * Models of other families than gaussian as JSON. With one family for all fields
 *
 *     "family": "poisson", "parameters": {"rate": [K]}         one field
 *     "family": "poisson", "parameters": {"rate": [K][D]}      several
 *
 * and where they differ
 *
 *     "family": {"heat": "gaussian", "faults": "poisson"},
 *     "parameters": {"heat": {"mean": [K], "variance": [K]}, "faults": {"rate": [K]}}
 *
 * A parameter that has a number for each category has one more dimension, the last. */
#include <stdlib.h>
#include <string.h>

#include "frame_impl.h"

static enum mix_family family_at(const struct frame *frame, size_t d)
{
    if (frame->model != NULL) {
        return mix_model_family(frame->model, d);
    }
    return frame->families != NULL ? frame->families[d] : frame->family;
}

static bool is_uniform(const struct frame *frame)
{
    for (size_t d = 1; d < frame->n_fields; d++) {
        if (family_at(frame, d) != family_at(frame, 0)) {
            return false;
        }
    }
    return true;
}

bool frame_is_gaussian(const struct frame *frame)
{
    return family_at(frame, 0) == MIX_GAUSSIAN && is_uniform(frame);
}

json_t *frame_families(const struct frame *frame)
{
    if (is_uniform(frame)) {
        return json_string(mix_family_name(family_at(frame, 0)));
    }
    json_t *object = json_object();
    for (size_t d = 0; d < frame->n_fields; d++) {
        const char *name = mix_family_name(family_at(frame, d));
        if (json_object_set_new(object, frame->fields[d], json_string(name)) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* ---- Writing ------------------------------------------------------------- */

/* Parameter i of field d: [K], or [K][n]. */
static json_t *parameter_json(const struct mix_model *model, size_t d, size_t i)
{
    const size_t components = mix_model_components(model);
    const size_t n = mix_model_parameter_size(model, d, i);
    double *values = calloc(components * n, sizeof(*values));
    if (values == NULL) {
        return NULL;
    }
    mix_model_parameter(model, d, i, values);
    json_t *array =
        n == 1 ? frame_vector(values, components) : frame_matrix(values, components, n);
    free(values);
    return array;
}

/* Parameter i of all fields: [K][D], or [K][D][n]. */
static json_t *joined_json(const struct mix_model *model, size_t i)
{
    const size_t components = mix_model_components(model);
    json_t *rows = json_array();
    for (size_t k = 0; k < components; k++) {
        json_array_append_new(rows, json_array());
    }
    for (size_t d = 0; d < mix_model_dimensions(model); d++) {
        json_t *own = parameter_json(model, d, i);
        for (size_t k = 0; k < components; k++) {
            if (json_array_append(json_array_get(rows, k), json_array_get(own, k)) ==
                -1) {
                json_decref(own);
                json_decref(rows);
                return NULL;
            }
        }
        json_decref(own);
    }
    return rows;
}

/* The parameters of field d, or of all fields where is_joined. */
static json_t *family_json(const struct mix_model *model, size_t d, bool is_joined)
{
    const enum mix_family family = mix_model_family(model, d);
    json_t *object = json_object();
    const char *name;
    for (size_t i = 0; (name = mix_family_parameter(family, i)) != NULL; i++) {
        json_t *values = is_joined ? joined_json(model, i) : parameter_json(model, d, i);
        if (json_object_set_new(object, name, values) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *frame_parameters(const struct frame *frame)
{
    if (is_uniform(frame)) {
        return family_json(frame->model, 0, frame->n_fields > 1);
    }
    json_t *object = json_object();
    for (size_t d = 0; d < frame->n_fields; d++) {
        json_t *own = family_json(frame->model, d, false);
        if (json_object_set_new(object, frame->fields[d], own) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *frame_means(const struct mix_model *model)
{
    const size_t dims = mix_model_dimensions(model), n = mix_model_components(model);
    double variance[MIX_DIMENSIONS_MAX];
    double *means = calloc(n * dims, sizeof(*means));
    if (means == NULL) {
        return NULL;
    }
    for (size_t k = 0; k < n; k++) {
        mix_model_component(model, k, means + k * dims, variance);
    }
    json_t *array = frame_matrix(means, n, dims);
    free(means);
    return array;
}

/* ---- Reading ------------------------------------------------------------- */

/* A model under construction. */
struct making {
    const json_t *family, *parameters, *names; /* names: of the fields, or NULL */
    struct mix_options options;
    enum mix_family families[MIX_DIMENSIONS_MAX];
    double *weights, *values; /* values: as mix_model_make() takes them */
};

static bool find_family(const json_t *name, enum mix_family *family,
                        const struct report *report)
{
    const char *text = json_string_value(name);
    for (int f = 0; text != NULL && f < MIX_FAMILIES; f++) {
        if (strcmp(text, mix_family_name((enum mix_family)f)) == 0) {
            *family = (enum mix_family)f;
            return true;
        }
    }
    return frame_fail(report, "family: %s is not known: one of those in mixd.yaml(5)",
                      text != NULL ? text : "what is not a text");
}

static bool has_categories(enum mix_family family)
{
    const char *first = mix_family_parameter(family, 0);
    return strcmp(first, "probabilities") == 0;
}

/* The members of field d: those of the field, or of all. */
static const json_t *members_of(const struct making *making, size_t d)
{
    if (json_is_string(making->family)) {
        return making->parameters;
    }
    const json_t *name = json_array_get(making->names, d);
    return json_object_get(making->parameters, json_string_value(name));
}

/* Whether parameters have a dimension for the fields. */
static bool is_joined(const struct making *making)
{
    if (!json_is_string(making->family)) {
        return false;
    }
    const json_t *first =
        json_object_get(making->parameters, mix_family_parameter(making->families[0], 0));
    const json_t *own = json_array_get(first, 0); /* of the first component */
    return json_is_array(has_categories(making->families[0]) ? json_array_get(own, 0)
                                                             : own);
}

/* The array of field d of component k of a parameter, or its number. */
static const json_t *cell_of(const struct making *making, const json_t *parameter,
                             size_t k, size_t d)
{
    const json_t *own = json_array_get(parameter, k);
    return is_joined(making) ? json_array_get(own, d) : own;
}

/* The names of the fields where each has its own family: the order of the members, as
 * `fields` has them, or as they stand. */
static bool name_fields(struct making *making, json_t **owned,
                        const struct report *report)
{
    if (making->names == NULL) {
        const char *name;
        json_t *value;
        making->names = *owned = json_array();
        json_object_foreach((json_t *)(uintptr_t)making->family, name, value)
        {
            json_array_append_new(*owned, json_string(name));
        }
    }
    const size_t n = json_array_size(making->names);
    if (n != json_object_size(making->family)) {
        return frame_fail(report, "family: %zu fields: the %zu that fields names",
                          json_object_size(making->family), n);
    }
    return true;
}

static bool read_families(struct making *making, const struct report *report)
{
    for (size_t d = 0; d < making->options.dimensions; d++) {
        const json_t *name = making->family;
        if (!json_is_string(name)) {
            const json_t *field = json_array_get(making->names, d);
            name = json_object_get(making->family, json_string_value(field));
        }
        if (!find_family(name, &making->families[d], report)) {
            return false;
        }
    }
    return true;
}

/* D and the number of categories, from names and the first arrays. */
static bool read_sizes(struct making *making, const struct report *report)
{
    struct mix_options *options = &making->options;
    size_t dims = json_array_size(making->names);
    if (json_is_string(making->family)) {
        if (!find_family(making->family, &making->families[0], report)) {
            return false;
        }
        const char *name = mix_family_parameter(making->families[0], 0);
        const json_t *first = json_object_get(making->parameters, name);
        dims = is_joined(making) ? json_array_size(json_array_get(first, 0)) : 1;
    }
    if (dims == 0 || dims > MIX_DIMENSIONS_MAX) {
        return frame_fail(report, "parameters: %zu fields: 1 to %d", dims,
                          MIX_DIMENSIONS_MAX);
    }
    options->dimensions = dims;
    if (!read_families(making, report)) {
        return false;
    }
    for (size_t d = 0; d < dims; d++) {
        if (has_categories(making->families[d])) {
            const json_t *array = json_object_get(members_of(making, d), "probabilities");
            options->categories = json_array_size(cell_of(making, array, 0, d));
        }
    }
    return true;
}

/* One parameter of one field, K x n numbers, to values. */
static bool read_parameter(const struct making *making, const char *name, size_t d,
                           double *values, const struct report *report)
{
    const json_t *array = json_object_get(members_of(making, d), name);
    const size_t components = making->options.components;
    const bool has_many = has_categories(making->families[d]);
    const size_t n = has_many ? making->options.categories : 1;
    if (!json_is_array(array) || json_array_size(array) != components) {
        return frame_fail(report,
                          "parameters: %s: not an array of %zu: as many as weights", name,
                          components);
    }
    for (size_t k = 0; k < components; k++) {
        const json_t *cell = cell_of(making, array, k, d);
        if (is_joined(making) &&
            json_array_size(json_array_get(array, k)) != making->options.dimensions) {
            return frame_fail(report,
                              "parameters: %s: rows that differ: %zu numbers each", name,
                              making->options.dimensions);
        }
        if (has_many) {
            if (!frame_read_vector(cell, name, n, values + k * n, report)) {
                return false;
            }
        } else if (!json_is_number(cell)) {
            return frame_fail(
                report, "parameters: %s: entry %zu is not a number: a number", name, k);
        } else {
            values[k] = json_number_value(cell);
        }
    }
    return true;
}

static bool read_values(const struct making *making, const struct report *report)
{
    const size_t components = making->options.components;
    double *values = making->values;
    for (size_t d = 0; d < making->options.dimensions; d++) {
        const enum mix_family family = making->families[d];
        const char *name;
        for (size_t i = 0; (name = mix_family_parameter(family, i)) != NULL; i++) {
            if (!read_parameter(making, name, d, values, report)) {
                return false;
            }
            values +=
                components * (has_categories(family) ? making->options.categories : 1);
        }
    }
    return true;
}

/* Most parameters of a family. */
#define PARAMETERS_MAX 4

static struct mix_model *make(struct making *making, const json_t *object,
                              const struct report *report)
{
    struct mix_options *options = &making->options;
    const char *what;
    struct mix_model *model = NULL;
    if (mix_options_check(options, &what) != MIX_OK) {
        frame_fail(report, "weights: %zu components of %zu fields: %s is out of range",
                   options->components, options->dimensions, what);
        return NULL;
    }
    const size_t n = options->components * options->dimensions *
                     (PARAMETERS_MAX + options->categories);
    making->weights = calloc(options->components, sizeof(double));
    making->values = calloc(n, sizeof(double));
    if (making->weights == NULL || making->values == NULL) {
        frame_fail(report, "model: out of memory: a smaller model");
    } else if (frame_read_weights(object, options->components, making->weights, report) &&
               read_values(making, report)) {
        enum mix_err err;
        model = mix_model_make(options, making->weights, making->values, &err);
        if (model == NULL) {
            frame_fail(report, "parameters: %s: within the range of the family",
                       mix_strerror(err));
        }
    }
    free(making->weights);
    free(making->values);
    return model;
}

struct mix_model *frame_read_families(const json_t *object, const json_t **fields,
                                      const struct report *report)
{
    struct making making = {.family = json_object_get(object, "family"),
                            .parameters = json_object_get(object, "parameters"),
                            .names = json_object_get(object, "fields")};
    json_t *owned = NULL;
    struct mix_model *model = NULL;
    mix_options_init(&making.options, 1,
                     json_array_size(json_object_get(object, "weights")));
    making.options.covariance = MIX_DIAG;
    making.options.families = making.families;
    if (making.options.components == 0) {
        frame_fail(report, "weights: missing or empty: an array of numbers");
    } else if (!json_is_object(making.parameters)) {
        frame_fail(report, "parameters: missing: an object of arrays");
    } else if ((json_is_string(making.family) || name_fields(&making, &owned, report)) &&
               read_sizes(&making, report) &&
               frame_read_fields(object, making.options.dimensions, fields, report)) {
        model = make(&making, object, report);
    }
    json_decref(owned);
    return model;
}
