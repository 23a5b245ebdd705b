/* SPDX-License-Identifier: MIT */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "frame.h"

/* The fields that the file names must be ours, in our order. */
static bool fields_agree(const struct stream_config *config, const json_t *fields)
{
    if (fields == NULL) {
        return true;
    }
    bool agree = json_array_size(fields) == config->fields.n;
    for (size_t i = 0; agree && i < config->fields.n; i++) {
        const char *name = json_string_value(json_array_get(fields, i));
        agree = name != NULL && strcmp(name, config->fields.item[i]) == 0;
    }
    return agree;
}

/* What of a model of as many dimensions the key `model` describes otherwise, or NULL. */
static const char *name_difference(const struct mix_options *mix,
                                   const struct mix_model *model)
{
    for (size_t d = 0; d < mix->dimensions; d++) {
        if (mix_model_family(model, d) != mix_options_family(mix, d)) {
            return "family";
        }
    }
    if (mix_model_components(model) != mix->components) {
        return "components";
    }
    if (mix_model_is_gaussian(model) && mix_model_covariance(model) != mix->covariance) {
        return "covariance";
    }
    return mix_model_noise(model) != NULL && !mix->noise ? "noise" : NULL;
}

struct mix_model *start_read(const struct stream_config *config, struct fault *fault)
{
    const char *name = config->name, *path = config->start_path;
    const json_t *fields = NULL;
    char error[512];
    if (access(path, R_OK) == -1) {
        fault_set(fault, EX_NOINPUT, "streams.%s.start: %s: %s", name, path,
                  strerror(errno));
        return NULL;
    }
    json_t *object = frame_read(path, error, sizeof(error));
    if (object == NULL) { /* the error has the path, with line and column */
        fault_set(fault, EX_DATAERR, "streams.%s.start: %s", name, error);
        return NULL;
    }
    struct mix_model *model = frame_model(object, &fields, error, sizeof(error));
    if (model == NULL) {
        fault_set(fault, EX_DATAERR, "streams.%s.start: %s: %s", name, path, error);
    } else if (!fields_agree(config, fields)) {
        fault_set(fault, EX_DATAERR,
                  "streams.%s.start: %s: fields: not those of the stream: choose a model "
                  "of the same fields in the same order",
                  name, path);
        mix_model_destroy(&model);
    } else if (mix_model_dimensions(model) == config->mix.dimensions &&
               name_difference(&config->mix, model) != NULL) {
        fault_set(fault, EX_DATAERR,
                  "streams.%s.start: %s: its %s: not as model.%s says: choose another "
                  "model, or change the key",
                  name, path, name_difference(&config->mix, model),
                  name_difference(&config->mix, model));
        mix_model_destroy(&model);
    }
    json_decref(object);
    return model;
}
