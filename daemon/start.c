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
    }
    json_decref(object);
    return model;
}
