/* SPDX-License-Identifier: MIT
 *
 * Recorded data in place of made-up mixtures: quantised, constant for hours, dependent,
 * shorter than the warm-up. Three components with full covariances; every point is scored
 * before it is learned, by the bounded score, fields divided by their standard deviation.
 * Prints the mean scores and fails where one is below its figure or not finite. The files
 * are not part of the source; without them there is nothing to do.
 *
 *     figure_recorded [FOLDER]       ../shared/data beside the source when left out
 */
#include <stdio.h>
#include <string.h>

#include "streams.h"

enum { K = 3, FIELDS_MAX = 8, LINE_SIZE = 1024, EXIT_SKIP = 77 };

/* The first column is the time. */
static const struct recording {
    const char *file;
    char delimiter;
    size_t first, fields;
    double least; /* mean score, nats a point */
} recordings[] = {
    {"skab-anomaly-free-anomaly-free.csv", ';', 1, 8, -12},
    {"skab-valve1-0.csv", ';', 1, 8, -12},
    {"skab-valve1-1.csv", ';', 1, 8, -12},
    {"skab-valve1-2.csv", ';', 1, 8, -12},
    {"host20.csv", ',', 1, 7, -10},
    {"nab-ambient_temperature_system_failure.csv", ',', 1, 1, -10},
    {"nab-machine_temperature_system_failure.csv", ',', 1, 1, -10},
    {"faithful.csv", ',', 0, 2, -10},
};

/* The fields of a line; false where one is not a number. */
static bool read_line(const struct recording *r, const char *line, double *x)
{
    for (size_t column = 0; column < r->first + r->fields; column++) {
        char *end;
        if (column >= r->first) {
            x[column - r->first] = strtod(line, &end);
            if (end == line) {
                return false;
            }
        }
        line = strchr(line, r->delimiter);
        if (line == NULL && column + 1 < r->first + r->fields) {
            return false;
        }
        line += line != NULL;
    }
    return true;
}

/* All rows of a file; n = 0 where it cannot be read. */
static struct sample read_recording(const struct recording *r, const char *folder)
{
    char path[2 * LINE_SIZE], line[LINE_SIZE];
    struct sample s = {.dimensions = r->fields};
    snprintf(path, sizeof(path), "%s/%s", folder, r->file);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        double x[FIELDS_MAX];
        if (read_line(r, line, x)) {
            s.x = realloc(s.x, (s.n + 1) * r->fields * sizeof(double));
            require(s.x != NULL);
            memcpy(s.x + s.n++ * r->fields, x, r->fields * sizeof(double));
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return s;
}

/* Every field gets standard deviation 1. */
static void scale(struct sample *s)
{
    for (size_t d = 0; d < s->dimensions; d++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < s->n; i++) {
            mean += s->x[i * s->dimensions + d] / (double)s->n;
        }
        for (size_t i = 0; i < s->n; i++) {
            const double c = s->x[i * s->dimensions + d] - mean;
            squares += c * c / (double)s->n;
        }
        for (size_t i = 0; i < s->n && squares > 0; i++) {
            s->x[i * s->dimensions + d] /= sqrt(squares);
        }
    }
}

/* Mean score of the points from the first model on; NaN if one is not finite. */
static double mean_score(struct mix_learner *learner, const struct sample *s)
{
    double sum = 0, score, tail;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct sample one = {s->x + i * s->dimensions, 1, s->dimensions};
        if (mix_learner_model(learner) != NULL) {
            if (mix_learner_score(learner, one.x, &score, &tail) != MIX_OK) {
                return (double)NAN;
            }
            sum += score;
            n++;
        }
        learn_all(learner, &one);
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

static bool run(const struct recording *r, struct sample *s)
{
    struct mix_options options;
    struct mix_event event;
    struct mix_info info;
    size_t changes = 0, woken = 0;
    scale(s);
    mix_options_init(&options, s->dimensions, K);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    const double score = mean_score(learner, s);
    while (mix_learner_event(learner, &event)) {
        changes += event.kind == MIX_EVENT_DRIFT;
        woken += event.kind == MIX_EVENT_WOKE;
    }
    mix_learner_info(learner, &info);
    const bool is_kept = score > r->least;
    printf("%-44s %6zu points, mean score %7.3f (> %.0f)  %zu changes, %zu woken, %llu "
           "of %zu variances at the floor, %llu unscorable  %s\n",
           r->file, s->n, score, r->least, changes, woken,
           (unsigned long long)info.floored, K * s->dimensions,
           (unsigned long long)info.unscorable, is_kept ? "ok" : "MISSED");
    mix_learner_destroy(&learner);
    return is_kept;
}

int main(int argc, char **argv)
{
    char folder[LINE_SIZE];
    const char *source = getenv("abs_srcdir");
    bool is_kept = true, is_there = false;
    snprintf(folder, sizeof(folder), "%s/../shared/data", source != NULL ? source : ".");
    for (size_t i = 0; i < COUNT(recordings); i++) {
        struct sample s = read_recording(&recordings[i], argc > 1 ? argv[1] : folder);
        if (s.n > 0) {
            is_there = true;
            is_kept = run(&recordings[i], &s) && is_kept;
        }
        free(s.x);
    }
    return !is_there ? EXIT_SKIP : is_kept ? 0 : 1;
}
