/* SPDX-License-Identifier: MIT
 *
 * Models from JSON. A model file is written by anybody: every shape and number is
 * checked, and what is wrong is told by its member. */
#include "frame_impl.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool frame_fail(const struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->text, report->size, format, arguments);
    va_end(arguments);
    return false;
}

bool frame_read_vector(const json_t *array, const char *name, size_t n, double *values,
                       const struct report *report)
{
    if (!json_is_array(array) || json_array_size(array) != n) {
        return frame_fail(
            report, "%s: not an array of %zu: as many as the other members say", name, n);
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *const value = json_array_get(array, i);
        if (!json_is_number(value)) {
            return frame_fail(report, "%s: entry %zu is not a number: a number", name, i);
        }
        values[i] = json_number_value(value);
    }
    return true;
}

static bool read_matrix(const json_t *array, const char *name, size_t n, size_t m,
                        double *values, const struct report *report)
{
    if (!json_is_array(array) || json_array_size(array) != n) {
        return frame_fail(
            report, "%s: not an array of %zu: as many as the other members say", name, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!frame_read_vector(json_array_get(array, i), name, m, values + i * m,
                               report)) {
            return false;
        }
    }
    return true;
}

/* The form and the numbers of a model. */
struct parameters {
    size_t n_components; /* K */
    size_t n_dimensions; /* D */
    enum mix_covariance covariance;
    double *weights;     /* K */
    double *means;       /* K x D */
    double *covariances; /* by type */
};

static bool read_covariances(const json_t *array, const struct parameters *p,
                             const struct report *report)
{
    const size_t n_dimensions = p->n_dimensions;
    static const char name[] = "covariances";
    switch (p->covariance) {
    case MIX_DIAG:
        return read_matrix(array, name, p->n_components, n_dimensions, p->covariances,
                           report);
    case MIX_SPHERICAL:
        return frame_read_vector(array, name, p->n_components, p->covariances, report);
    case MIX_TIED:
        return read_matrix(array, name, n_dimensions, n_dimensions, p->covariances,
                           report);
    default:
        break;
    }
    if (!json_is_array(array) || json_array_size(array) != p->n_components) {
        return frame_fail(report,
                          "%s: not an array of %zu: as many as the other members say",
                          name, p->n_components);
    }
    for (size_t k = 0; k < p->n_components; k++) {
        double *const matrix = p->covariances + k * n_dimensions * n_dimensions;
        if (!read_matrix(json_array_get(array, k), name, n_dimensions, n_dimensions,
                         matrix, report)) {
            return false;
        }
    }
    return true;
}

static bool is_gaussian(const json_t *object)
{
    const char *family = json_string_value(json_object_get(object, "family"));
    return family != NULL && strcmp(family, "gaussian") == 0;
}

static bool read_type(const json_t *object, enum mix_covariance *covariance,
                      const struct report *report)
{
    const json_t *const schema = json_object_get(object, "schema");
    const json_t *const family = json_object_get(object, "family");
    const char *const type =
        json_string_value(json_object_get(object, "covariance_type"));
    if (schema != NULL &&
        (!json_is_integer(schema) || json_integer_value(schema) != FRAME_SCHEMA)) {
        return frame_fail(report, "schema: not one that this version reads: %d",
                          FRAME_SCHEMA);
    }
    if (!json_is_string(family) && !json_is_object(family)) {
        return frame_fail(report, "family: missing or not known: \"gaussian\"");
    }
    if (!is_gaussian(object)) {
        return true;
    }
    for (int c = 0; type != NULL && c < MIX_COVARIANCES; c++) {
        if (strcmp(type, mix_covariance_name((enum mix_covariance)c)) == 0) {
            *covariance = (enum mix_covariance)c;
            return true;
        }
    }
    return frame_fail(report,
                      "covariance_type: missing or not known: full, diag, spherical or "
                      "tied");
}

/* K from the weights, D from the first mean. */
static bool read_sizes(const json_t *object, struct parameters *p,
                       const struct report *report)
{
    const json_t *const means = json_object_get(object, "means");
    p->n_components = json_array_size(json_object_get(object, "weights"));
    p->n_dimensions = json_array_size(json_array_get(means, 0));
    if (p->n_components == 0) {
        return frame_fail(report, "weights: %s: an array of numbers",
                          json_is_null(json_object_get(object, "weights"))
                              ? "no model yet"
                              : "missing or empty");
    }
    if (p->n_dimensions == 0 || p->n_dimensions > MIX_DIMENSIONS_MAX) {
        return frame_fail(report, "means: rows of %zu numbers: 1 to %d", p->n_dimensions,
                          MIX_DIMENSIONS_MAX);
    }
    struct mix_options options;
    mix_options_init(&options, p->n_dimensions, p->n_components);
    if (mix_options_check(&options, NULL) != MIX_OK) {
        return frame_fail(report,
                          "weights: %zu components of %zu dimensions are too many: "
                          "K(D+1)(D+2)/2 up to 2^20",
                          p->n_components, p->n_dimensions);
    }
    return true;
}

bool frame_read_weights(const json_t *object, size_t n, double *weights,
                        const struct report *report)
{
    const json_t *const array = json_object_get(object, "weights");
    double sum = 0.0;
    if (!frame_read_vector(array, "weights", n, weights, report)) {
        return false;
    }
    for (size_t k = 0; k < n; k++) {
        if (weights[k] < 0.0) {
            return frame_fail(report, "weights: entry %zu is negative: at least 0", k);
        }
        sum += weights[k];
    }
    if (!(fabs(sum - 1.0) <= 1e-9)) {
        return frame_fail(report, "weights: their sum is %.17g: 1", sum);
    }
    return true;
}

bool frame_read_fields(const json_t *object, size_t n, const json_t **fields,
                       const struct report *report)
{
    const json_t *const array = json_object_get(object, "fields");
    if (fields != NULL) {
        *fields = array;
    }
    if (array == NULL) {
        return true;
    }
    if (!json_is_array(array) || json_array_size(array) != n) {
        return frame_fail(
            report, "fields: not an array of %zu: one name for each column of means", n);
    }
    for (size_t d = 0; d < n; d++) {
        const char *const name = json_string_value(json_array_get(array, d));
        if (name == NULL) {
            return frame_fail(report, "fields: entry %zu is not a name: a string", d);
        }
        for (size_t e = 0; e < d; e++) {
            if (strcmp(name, json_string_value(json_array_get(array, e))) == 0) {
                return frame_fail(report, "fields: %s stands twice: different names",
                                  name);
            }
        }
    }
    return true;
}

static bool read_parameters(const json_t *object, const struct parameters *p,
                            const struct report *report)
{
    return frame_read_weights(object, p->n_components, p->weights, report) &&
           read_matrix(json_object_get(object, "means"), "means", p->n_components,
                       p->n_dimensions, p->means, report) &&
           read_covariances(json_object_get(object, "covariances"), p, report);
}

/* Which member the library did not like. */
static void report_model(enum mix_err err, const struct report *report)
{
    if (err == MIX_ECOVARIANCE) {
        frame_fail(report, "covariances: %s: symmetric and positive definite",
                   mix_strerror(err));
    } else {
        frame_fail(report, "means: %s: finite and at most 1e150 in size",
                   mix_strerror(err));
    }
}

struct mix_model *frame_model(const json_t *object, const json_t **fields, char *error,
                              size_t size)
{
    const struct report report = {error, size};
    struct parameters p = {0};
    struct mix_model *model = NULL;
    if (!read_type(object, &p.covariance, &report)) {
        return NULL;
    }
    if (frame_has_noise(object)) {
        return frame_read_noise(object, fields, &report);
    }
    if (!is_gaussian(object)) {
        return frame_read_families(object, fields, &report);
    }
    if (!read_sizes(object, &p, &report) ||
        !frame_read_fields(object, p.n_dimensions, fields, &report)) {
        return NULL;
    }
    p.weights = calloc(p.n_components, sizeof(double));
    p.means = calloc(p.n_components * p.n_dimensions, sizeof(double));
    p.covariances =
        calloc(p.n_components * p.n_dimensions * p.n_dimensions, sizeof(double));
    if (p.weights == NULL || p.means == NULL || p.covariances == NULL) {
        frame_fail(&report, "model: out of memory: a smaller model");
    } else if (read_parameters(object, &p, &report)) {
        enum mix_err err = MIX_OK;
        model = mix_model_new(p.n_dimensions, p.n_components, p.covariance, p.weights,
                              p.means, p.covariances, &err);
        if (model == NULL) {
            report_model(err, &report);
        }
    }
    free(p.weights);
    free(p.means);
    free(p.covariances);
    return model;
}

json_t *frame_read(const char *path, char *error, size_t size)
{
    const struct report report = {error, size};
    const bool is_input = strcmp(path, "-") == 0;
    const char *const name = is_input ? "standard input" : path;
    FILE *const file = is_input ? stdin : fopen(path, "re");
    if (file == NULL) {
        frame_fail(&report, "%s: %s: a model file", name, strerror(errno));
        return NULL;
    }
    json_error_t problem;
    json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES, &problem);
    if (ferror(file)) {
        frame_fail(&report, "%s: %s: a model file", name, strerror(errno));
        json_decref(object);
        object = NULL;
    } else if (object == NULL) {
        frame_fail(&report, "%s:%d:%d: %s: the JSON object of a model", name,
                   problem.line, problem.column, problem.text);
    } else if (!json_is_object(object)) {
        frame_fail(&report, "%s:1:1: not an object: the JSON object of a model", name);
        json_decref(object);
        object = NULL;
    }
    if (!is_input) {
        fclose(file);
    }
    return object;
}
