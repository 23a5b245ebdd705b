/* SPDX-License-Identifier: MIT
 *
 * Reading a model file with the exit codes of a tool. */
#include "modelfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"

struct mix_model *modelfile_read(const char *path, json_t **object,
                                 struct failure *failure)
{
    char problem[512];
    struct mix_model *model = NULL;
    const bool is_there = strcmp(path, "-") == 0 || access(path, R_OK) == 0;
    json_t *read = frame_read(path, problem, sizeof(problem));
    if (read == NULL) {
        failure_set(failure, is_there ? EX_DATAERR : EX_NOINPUT, "%s", problem);
        return NULL;
    }
    model = frame_model(read, NULL, problem, sizeof(problem));
    if (model == NULL) {
        failure_set(failure, EX_DATAERR, "%s: %s", path, problem);
    }
    if (model != NULL && object != NULL) {
        *object = json_incref(read);
    }
    json_decref(read);
    return model;
}

/* "a,b", of what is a text. */
static char *join(const json_t *names)
{
    char *joined = tool_text("%s", "");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        char *longer =
            tool_text("%s%s%s", joined, i > 0 ? "," : "", name != NULL ? name : "-");
        free(joined);
        joined = longer;
    }
    return joined;
}

bool modelfile_is_in_order(const json_t *model_names, const char *model_path,
                           const json_t *names, const char *path,
                           struct failure *failure)
{
    for (size_t i = 0; i < json_array_size(model_names); i++) {
        for (size_t j = 0; j < json_array_size(names); j++) {
            const json_t *name = json_array_get(names, j);
            if (i != j && json_is_string(name) &&
                json_equal(json_array_get(model_names, i), name)) {
                char *right = join(model_names);
                failure_set(failure, EX_DATAERR,
                            "%s: field %zu is %s, that of %s is %zu: its order is %s", path,
                            j, json_string_value(name), model_path, i, right);
                free(right);
                return false;
            }
        }
    }
    return true;
}
