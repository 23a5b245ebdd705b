/* SPDX-License-Identifier: MIT
 *
 * Models of parts of the data made one, weighted by the points that they stand for. A
 * model file has no statistics but its own moments, so components that are one are merged
 * by these, and what it costs is told. */
#include "autoconf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "mode.h"
#include "modelfile.h"

/* A model as its file has it. */
struct piece {
    const char *path;
    json_t *object;
    struct mix_model *model;
    double points;
};

static void piece_clear(struct piece *piece)
{
    json_decref(piece->object);
    mix_model_destroy(&piece->model);
}

/* The memory of an online model, or all points of a batch fit. */
static bool read_points(struct piece *piece, struct failure *failure)
{
    const json_t *points = json_object_get(piece->object, "effective_points");
    if (!json_is_number(points)) {
        points = json_object_get(piece->object, "points");
    }
    piece->points = json_number_value(points);
    if (!json_is_number(points) || !(piece->points > 0)) {
        failure_set(failure, EX_DATAERR,
                    "%s: points: missing: a number, by which the model is weighted",
                    piece->path);
        return false;
    }
    return true;
}

static bool piece_read(struct piece *piece, const char *path, struct failure *failure)
{
    *piece = (struct piece){.path = path};
    piece->model = modelfile_read(path, &piece->object, failure);
    return piece->model != NULL && read_points(piece, failure);
}

/* Files that name their fields name the same. */
static bool name_the_same(const struct piece *first, const struct piece *piece,
                          struct failure *failure)
{
    const json_t *a = json_object_get(first->object, "fields");
    const json_t *b = json_object_get(piece->object, "fields");
    if (a != NULL && b != NULL && !json_equal(a, b)) {
        failure_set(failure, EX_DATAERR, "%s: fields: not those of %s", piece->path,
                    first->path);
        return false;
    }
    return true;
}

/* Merges a piece into `all`. */
static void merge(struct task *task, struct piece *all, const struct piece *piece,
                  json_t *losses, struct failure *failure)
{
    double loss;
    enum mix_err err;
    if (!name_the_same(all, piece, failure)) {
        return;
    }
    struct mix_model *merged = mix_model_merge(all->model, all->points, piece->model,
                                               piece->points, &loss, &err);
    if (merged == NULL) {
        failure_set(failure, EX_DATAERR,
                    "%s: %s: the components, covariance and families of %s", piece->path,
                    mix_strerror(err), all->path);
        return;
    }
    mix_model_destroy(&all->model);
    all->model = merged;
    all->points += piece->points;
    json_array_append_new(losses, frame_number(loss));
    if (task->table != NULL) {
        fprintf(task->table, "%s  %.0f points  loss %.6f nats\n", piece->path,
                piece->points, loss);
    }
}

/* The fields of the file, or x0, x1, ... */
static const char **field_names(const json_t *fields, size_t n, char (*made)[24])
{
    const char **names = tool_need(calloc(n, sizeof(*names)));
    for (size_t d = 0; d < n; d++) {
        snprintf(made[d], sizeof(made[d]), "x%zu", d);
        const char *name = json_string_value(json_array_get(fields, d));
        names[d] = name != NULL ? name : made[d];
    }
    return names;
}

static json_t *points_json(double points)
{
    const bool is_whole = points == floor(points) && points < 0x1p53;
    return is_whole ? json_integer((json_int_t)points) : json_real(points);
}

static json_t *model_json(const struct piece *all)
{
    char made[MIX_DIMENSIONS_MAX][24];
    const size_t n = mix_model_dimensions(all->model);
    const char **names = field_names(json_object_get(all->object, "fields"), n, made);
    const struct frame frame = {.time = task_clock(),
                                .last_time = (double)NAN,
                                .fields = names,
                                .n_fields = n,
                                .n_components = mix_model_components(all->model),
                                .covariance = mix_model_covariance(all->model),
                                .model = all->model};
    json_t *object = tool_need(frame_json(&frame));
    json_object_set_new(object, "points", points_json(all->points));
    free(names);
    return object;
}

void mode_merge(struct task *task, struct outcome *outcome, struct failure *failure)
{
    struct piece all, piece;
    json_t *losses = tool_need(json_array());
    const bool is_read = piece_read(&all, task->merge_paths[0], failure);
    for (size_t i = 1; is_read && failure->code == EX_OK && i < task->n_merge; i++) {
        if (piece_read(&piece, task->merge_paths[i], failure)) {
            merge(task, &all, &piece, losses, failure);
        }
        piece_clear(&piece);
    }
    if (failure->code == EX_OK) {
        outcome->model = model_json(&all);
        outcome->report = tool_need(
            json_pack("{s:o, s:O}", "points", points_json(all.points), "losses", losses));
    }
    json_decref(losses);
    piece_clear(&all);
}
