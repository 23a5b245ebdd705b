/* SPDX-License-Identifier: MIT
 *
 * The commands about what follows from a model: the mixture of some fields, that of some
 * given the others, and the moments of the whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer_impl.h"
#include "frame.h"
#include "stream.h"
#include "xalloc.h"

/* Fields of a stream, rising. */
struct choice {
    size_t n;
    size_t field[MIX_DIMENSIONS_MAX];
};

static json_t *ids_json(const struct slot *slot, size_t n)
{
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    json_t *ids = info.ids != NULL ? json_array() : json_null();
    for (size_t k = 0; info.ids != NULL && k < n; k++) {
        json_array_append_new(ids, json_integer((json_int_t)info.ids[k]));
    }
    return ids;
}

/* A mixture of some fields as a model file has it. The components are those of the
 * stream's model, and so are their ids. */
static json_t *derived_json(const struct stream *stream, const struct slot *slot,
                            const struct mix_model *model, const struct choice *choice,
                            struct moment now)
{
    const char *names[MIX_DIMENSIONS_MAX];
    enum mix_family families[MIX_DIMENSIONS_MAX];
    for (size_t a = 0; a < choice->n; a++) {
        names[a] = stream->config->fields.item[choice->field[a]];
        families[a] = mix_model_family(model, a);
    }
    json_t *object = frame_json(&(struct frame){
        .stream = stream->config->name,
        .key = slot->key,
        .instance = stream->instance,
        .seq = slot->seq,
        .time = now.wall_s,
        .last_time = slot->last_time_s,
        .fields = names,
        .n_fields = choice->n,
        .n_components = mix_model_components(model),
        .covariance = mix_model_covariance(model),
        .families = families,
        .model = model,
    });
    if (object != NULL) {
        json_object_set_new(object, "ids", ids_json(slot, mix_model_components(model)));
    }
    return object;
}

static bool find_field(const struct stream *stream, const char *name, size_t *field)
{
    const struct strings *fields = &stream->config->fields;
    for (size_t d = 0; name != NULL && d < fields->n; d++) {
        if (strcmp(fields->item[d], name) == 0) {
            *field = d;
            return true;
        }
    }
    return false;
}

/* The fields that a request names, in the order of the stream. */
static bool read_fields(const struct stream *stream, struct request *request,
                        struct choice *choice)
{
    const json_t *list = json_object_get(request->arguments, "fields");
    bool is_chosen[MIX_DIMENSIONS_MAX] = {false};
    size_t i, field;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!find_field(stream, json_string_value(item), &field)) {
            request_fail(request, CODE_ARGUMENT,
                         "fields: entry %zu is not the name of a field of stream %s", i,
                         stream->config->name);
            return false;
        }
        if (is_chosen[field]) {
            request_fail(request, CODE_ARGUMENT, "fields: entry %zu stands twice", i);
            return false;
        }
        is_chosen[field] = true;
    }
    choice->n = 0;
    for (size_t d = 0; d < stream->config->fields.n; d++) {
        if (is_chosen[d]) {
            choice->field[choice->n++] = d;
        }
    }
    if (choice->n == 0) {
        request_fail(request, CODE_ARGUMENT, "fields: none is named");
    }
    return choice->n > 0;
}

enum answered answer_marginal(struct stream *stream, struct request *request,
                              struct moment now)
{
    struct slot *slot;
    struct choice choice;
    const struct mix_model *model = answer_need_model(stream, request, &slot);
    if (model == NULL || !read_fields(stream, request, &choice)) {
        return ANSWERED;
    }
    enum mix_err err;
    struct mix_model *marginal = mix_model_marginal(model, choice.field, choice.n, &err);
    if (marginal == NULL) {
        request_fail(request, CODE_INTERNAL, "marginal: %s", mix_strerror(err));
        return ANSWERED;
    }
    answer_take(request, json_pack("{s:o}", "model",
                                   derived_json(stream, slot, marginal, &choice, now)));
    mix_model_destroy(&marginal);
    return ANSWERED;
}

/* The fields of which x has no value. */
static struct choice unknown_fields(const double *x, size_t dims)
{
    struct choice choice = {.n = 0};
    for (size_t d = 0; d < dims; d++) {
        if (isnan(x[d])) {
            choice.field[choice.n++] = d;
        }
    }
    return choice;
}

/* Mean and variance of every field given x: of a known one, its value and 0. */
static json_t *conditional_json(const struct mix_model *conditional,
                                const struct choice *choice, const double *x, size_t dims,
                                json_t *model)
{
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX] = {0};
    double own[MIX_DIMENSIONS_MAX];
    double *covariance = xalloc(choice->n * choice->n, sizeof(covariance[0]));
    mix_model_moments(conditional, own, covariance);
    memcpy(mean, x, dims * sizeof(mean[0]));
    for (size_t a = 0; a < choice->n; a++) {
        mean[choice->field[a]] = own[a];
        variance[choice->field[a]] = covariance[a * choice->n + a];
    }
    free(covariance);
    return json_pack("{s:o, s:o, s:o}", "mean", frame_vector(mean, dims), "variance",
                     frame_vector(variance, dims), "model", model);
}

enum answered answer_conditional(struct stream *stream, struct request *request,
                                 struct moment now)
{
    double x[MIX_DIMENSIONS_MAX];
    struct slot *slot;
    const struct mix_model *model = answer_need_model(stream, request, &slot);
    if (model == NULL || !answer_read_point(stream, request, true, x)) {
        return ANSWERED;
    }
    const size_t dims = mix_model_dimensions(model);
    const struct choice choice = unknown_fields(x, dims);
    enum mix_err err;
    struct mix_model *conditional = mix_model_conditional(model, x, &err);
    if (conditional != NULL) {
        json_t *object = derived_json(stream, slot, conditional, &choice, now);
        answer_take(request, conditional_json(conditional, &choice, x, dims, object));
    } else if (err == MIX_ESIZE) {
        request_fail(request, CODE_ARGUMENT, "point: no entry is null: nothing to find");
    } else if (err == MIX_EVALUE) {
        request_fail(request, CODE_ARGUMENT,
                     "point: the model gives what is known no density");
    } else {
        request_fail(request, CODE_INTERNAL, "conditional: %s", mix_strerror(err));
    }
    mix_model_destroy(&conditional);
    return ANSWERED;
}

enum answered answer_moments(struct stream *stream, struct request *request,
                             struct moment now)
{
    (void)now;
    double mean[MIX_DIMENSIONS_MAX];
    struct slot *slot;
    const struct mix_model *model = answer_need_model(stream, request, &slot);
    if (model == NULL) {
        return ANSWERED;
    }
    const size_t dims = mix_model_dimensions(model);
    double *covariance = xalloc(dims * dims, sizeof(covariance[0]));
    mix_model_moments(model, mean, covariance);
    json_t *rows = json_array();
    for (size_t d = 0; d < dims; d++) {
        json_array_append_new(rows, frame_vector(covariance + d * dims, dims));
    }
    free(covariance);
    answer_take(request, json_pack("{s:o, s:o}", "mean", frame_vector(mean, dims),
                                   "covariance", rows));
    return ANSWERED;
}
