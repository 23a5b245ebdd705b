/* SPDX-License-Identifier: MIT
 *
 * Scratch of learners: most of the memory of a small one, and many may share it. */
#include <stdlib.h>

#include "learner.h"

struct mix_workspace *workspace_of(const struct shape *shape, size_t block,
                                   const struct mix_executor *executor)
{
    struct mix_workspace *workspace = calloc(1, sizeof(*workspace));
    if (workspace == NULL) {
        return NULL;
    }
    workspace->model = model_new(shape);
    workspace->estep = estep_new(shape);
    workspace->sums = sums_new(shape);
    workspace->expectations = expectations_new(shape, block, executor);
    if (workspace->model == NULL || workspace->estep == NULL || workspace->sums == NULL ||
        workspace->expectations == NULL ||
        !estep_share(workspace->estep, shape, executor)) {
        mix_workspace_destroy(&workspace);
    }
    return workspace;
}

bool workspace_fits(const struct mix_workspace *workspace, const struct shape *shape)
{
    return workspace != NULL && shape_is_same(&workspace->model->shape, shape);
}

struct mix_workspace *mix_workspace_new(const struct mix_options *options)
{
    if (mix_options_check(options, NULL) != MIX_OK) {
        return NULL;
    }
    const struct shape shape = shape_of(options);
    return workspace_of(&shape, options->block, options->executor);
}

void mix_workspace_destroy(struct mix_workspace **workspace)
{
    if (*workspace != NULL) {
        mix_model_destroy(&(*workspace)->model);
        estep_destroy(&(*workspace)->estep);
        sums_destroy(&(*workspace)->sums);
        expectations_destroy(&(*workspace)->expectations);
        free(*workspace);
        *workspace = NULL;
    }
}
