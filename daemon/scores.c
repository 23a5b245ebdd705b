/* SPDX-License-Identifier: MIT */
#include "scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "slot.h"
#include "xalloc.h"

/* What the model says of n rows. */
struct scores {
    const struct mix_model *model;
    struct mix_info info;
    size_t components;      /* K */
    double *responsibility; /* n x K, owned with all behind it */
    double *log_density;    /* n, as the next */
    double *score, *tail;
};

/* False without memory. To be cleared in any case. */
static bool fill(struct scores *scores, const struct slot *slot,
                 const struct mix_rows *rows)
{
    const size_t n = rows->n;
    const struct mix_model *model = mix_learner_model(slot->learner);
    scores->model = model;
    scores->components = mix_model_components(model);
    mix_learner_info(slot->learner, &scores->info);
    scores->responsibility = xalloc(n * (scores->components + 3), sizeof(double));
    scores->log_density = scores->responsibility + n * scores->components;
    scores->score = scores->log_density + n;
    scores->tail = scores->score + n;
    return mix_model_log_density(model, rows, scores->log_density) == MIX_OK &&
           mix_model_responsibilities(model, rows, scores->responsibility) == MIX_OK &&
           mix_learner_scores(slot->learner, rows, scores->score, scores->tail) == MIX_OK;
}

static void clear(struct scores *scores)
{
    free(scores->responsibility);
}

static json_t *said_of(const struct scores *scores, size_t i)
{
    const double *resp = scores->responsibility + i * scores->components;
    double noise = 1;
    size_t best = 0;
    for (size_t k = 0; k < scores->components; k++) {
        noise -= resp[k];
        best = resp[k] > resp[best] ? k : best;
    }
    const uint64_t *ids = scores->info.ids;
    json_t *object = json_pack("{s:o, s:o, s:I, s:o}", "log_density",
                               frame_number(scores->log_density[i]), "responsibilities",
                               frame_vector(resp, scores->components), "component",
                               (json_int_t)(ids != NULL ? ids[best] : best), "tail",
                               frame_number(scores->tail[i]));
    if (mix_model_noise(scores->model) != NULL) {
        json_object_set_new(object, "noise", frame_number(fmax(noise, 0)));
    }
    return object;
}

json_t *scores_json(const struct slot *slot, const double *x)
{
    const size_t n_fields = mix_model_dimensions(mix_learner_model(slot->learner));
    const struct mix_rows row = {.x = x, .n = 1, .stride = n_fields};
    struct scores scores;
    json_t *object = fill(&scores, slot, &row) ? said_of(&scores, 0) : NULL;
    clear(&scores);
    return object;
}

/* ---- Lines ----------------------------------------------------------------- */

static json_t *line_json(const struct scores *scores, size_t i,
                         const struct mix_rows *rows, double now_s)
{
    json_t *line = json_pack(
        "{s:f, s:o}", "time", rows->time != NULL ? rows->time[i] : now_s, "point",
        frame_vector(rows->x + i * rows->stride, mix_model_dimensions(scores->model)));
    json_t *said = said_of(scores, i);
    json_object_update(line, said);
    json_decref(said);
    return line;
}

/* Writes lines of rows [first, end). Returns how many. */
static size_t write_lines(FILE *out, const struct slot *slot, const struct mix_rows *rows,
                          size_t first, size_t end, double now_s)
{
    const struct mix_rows run = {.x = rows->x + first * rows->stride,
                                 .n = end - first,
                                 .stride = rows->stride,
                                 .time = rows->time != NULL ? rows->time + first : NULL};
    struct scores scores;
    size_t n = 0;
    const bool is_filled = fill(&scores, slot, &run);
    for (size_t i = 0; is_filled && i < run.n; i++) {
        json_t *line = line_json(&scores, i, &run, now_s);
        char *text = line != NULL ? frame_text(line) : NULL;
        n += text != NULL && fprintf(out, "%s\n", text) > 0;
        free(text);
        json_decref(line);
    }
    clear(&scores);
    return n;
}

/* Of outliers only, those that follow each other in one go. */
static size_t write_outliers(FILE *out, const struct slot *slot,
                             const struct mix_rows *rows, double now_s)
{
    double score[SCORES_ROWS], tail[SCORES_ROWS];
    size_t n = 0;
    if (mix_learner_scores(slot->learner, rows, score, tail) != MIX_OK) {
        return 0;
    }
    for (size_t i = 0; i < rows->n; i++) {
        const size_t first = i;
        while (i < rows->n && tail[i] < SCORES_OUTLIER) { /* not where it is NaN */
            i++;
        }
        if (i > first) {
            n += write_lines(out, slot, rows, first, i, now_s);
        }
    }
    return n;
}

char *scores_lines(const struct slot *slot, const struct mix_rows *rows, bool has_all,
                   double now_s, size_t *n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    *n = 0;
    if (out == NULL) {
        return NULL;
    }
    const size_t lines = has_all ? write_lines(out, slot, rows, 0, rows->n, now_s)
                                 : write_outliers(out, slot, rows, now_s);
    if (fclose(out) == EOF || lines == 0) {
        free(text);
        return NULL;
    }
    text[size - 1] = '\0'; /* no line ends the last one */
    *n = lines;
    return text;
}
