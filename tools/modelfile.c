/* SPDX-License-Identifier: MIT
 *
 * Reading a model file with the exit codes of a tool. */
#include "modelfile.h"

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
