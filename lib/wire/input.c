/* SPDX-License-Identifier: MIT
 *
 * Files of points: which kind, from where, and batches out of them. */
#include "input.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "input_impl.h"

/* Intervals whose median is the nominal one. */
#define INTERVALS_MAX 16
#define FORMATS "csv, ndjson, npy, f64 or f32"

static const struct input_kind *const kinds[] = {
    &input_csv, &input_json, &input_npy, &input_f64, &input_f32, &input_recording, NULL,
};

bool input_fail(const struct input_failure *failure, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, failure->size, format, arguments);
    va_end(arguments);
    *failure->code = code;
    return false;
}

/* The kind that lists this name between blanks. */
static const struct input_kind *find_kind(const char *name)
{
    char word[32];
    const int length = snprintf(word, sizeof(word), " %s ", name);
    if (length < 0 || (size_t)length >= sizeof(word) || strchr(name, ' ') != NULL) {
        return NULL;
    }
    for (size_t i = 0; kinds[i] != NULL; i++) {
        if (strstr(kinds[i]->formats, word) != NULL) {
            return kinds[i];
        }
    }
    return NULL;
}

static const struct input_kind *choose_kind(const char *path, const char *format,
                                            const struct input_failure *failure)
{
    const char *const slash = strrchr(path, '/');
    const char *const ending = strrchr(slash != NULL ? slash : path, '.');
    const struct input_kind *kind = NULL;
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return &input_recording;
    }
    if (format != NULL && format[0] != '.') {
        kind = find_kind(format);
        if (kind == NULL) {
            input_fail(failure, EX_USAGE, "format %s: not known for files: " FORMATS,
                       format);
        }
        return kind;
    }
    kind = ending != NULL ? find_kind(ending) : NULL;
    if (kind == NULL) {
        input_fail(failure, EX_USAGE,
                   "%s: no ending that tells its format: --input-format with " FORMATS,
                   path);
    }
    return kind;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* Reads the first rows, and back to their beginning. 1 without two times. */
static double find_interval(struct input *input)
{
    double interval[INTERVALS_MAX];
    size_t n = 0;
    double last = NO_VALUE;
    const uint64_t line = input->line;
    flow_pin(input->flow);
    while (n < INTERVALS_MAX && input->kind->next(input)) {
        const struct batch *const batch = &input->batch;
        for (size_t i = 0; i < batch->n && n < INTERVALS_MAX; i++) {
            if (batch->reason[i] == REASON_NONE) {
                if (batch->time[i] > last) {
                    interval[n++] = batch->time[i] - last;
                }
                last = batch->time[i];
            }
        }
    }
    flow_rewind(input->flow);
    input->line = line;
    input->n_read = 0;
    input->chunk = (struct bytes){NULL, 0};
    input->is_skipping = false;
    input->error[0] = '\0';
    input->batch = (struct batch){0};
    qsort(interval, n, sizeof(interval[0]), compare_doubles);
    return n > 0 ? interval[(n - 1) / 2] : 1.0;
}

/* Columns, layout, reader and transformations, once the flow is there. */
static bool set_up(struct input *input, const struct input_options *options,
                   const struct input_failure *failure)
{
    struct columns columns = {0};
    bool is_ok =
        options->columns == NULL || columns_read(&columns, options->columns, failure);
    is_ok = is_ok && input->kind->open(input, options, &columns, failure);
    if (is_ok) {
        input->layout = columns_layout(&columns, options, input->name, failure);
        is_ok = input->layout != NULL;
    }
    columns_clear(&columns);
    if (!is_ok) {
        return false;
    }
    input->reader = reader_new(input->layout);
    if (input->reader == NULL) {
        return input_fail(failure, EX_OSERR, "%s: out of memory", input->name);
    }
    if (input->kind->start != NULL && !input->kind->start(input, failure)) {
        return false;
    }
    if (!input_set_transform(input, options, failure)) {
        return false;
    }
    if (input->transform != NULL && transform_has_rate(input->transform) &&
        input->layout->has_time) {
        const double given = options->interval_s;
        transform_set_interval(input->transform,
                               given > 0 ? given : find_interval(input));
    }
    return true;
}

/* A recording knows what its columns are. */
static bool set_up_as(struct input *input, const struct input_options *options,
                      const struct input_failure *failure)
{
    struct input_options own = *options;
    char *fields = NULL;
    bool is_ok = input->kind != &input_recording ||
                 recording_defaults(input, &own, &fields) ||
                 input_fail(failure, EX_OSERR, "%s: out of memory", input->name);
    is_ok = is_ok && set_up(input, &own, failure);
    free(fields);
    return is_ok;
}

/* The first file of a recording stands for it. */
static struct flow *open_flow(const struct input *input, const char *path)
{
    if (input->kind != &input_recording) {
        return flow_open(path);
    }
    char *first = recording_path(path, 0);
    struct flow *flow = first != NULL ? flow_open(first) : NULL;
    free(first);
    return flow;
}

struct input *input_open(const char *path, const struct input_options *options,
                         char *error, size_t size, int *code)
{
    const struct input_failure failure = {error, size, code};
    const struct input_kind *const kind = choose_kind(path, options->format, &failure);
    if (kind == NULL) {
        return NULL;
    }
    struct input *input = calloc(1, sizeof(*input));
    if (input == NULL) {
        input_fail(&failure, EX_OSERR, "%s: out of memory", path);
        return NULL;
    }
    input->kind = kind;
    input->line = 1;
    input->name = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    input->flow = input->name != NULL ? open_flow(input, path) : NULL;
    if (input->flow == NULL) {
        const int reason = errno;
        const bool is_folder = kind == &input_recording && reason == ENOENT;
        input_fail(&failure, reason == EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", path,
                   is_folder ? "a folder without 000000.npy: a recording, or a file"
                             : strerror(reason));
        input_close(&input);
    } else if (!set_up_as(input, options, &failure)) {
        input_close(&input);
    }
    return input;
}

void input_close(struct input **input)
{
    if (*input == NULL) {
        return;
    }
    transform_destroy(&(*input)->transform);
    reader_destroy(&(*input)->reader);
    layout_destroy(&(*input)->layout);
    flow_close(&(*input)->flow);
    recording_destroy(&(*input)->recording);
    free((*input)->rows);
    free((*input)->name);
    free(*input);
    *input = NULL;
}

const struct layout *input_layout(const struct input *input)
{
    return input->layout;
}

/* "FILE:LINE:COL: what", or "FILE: row N: what" where there are no lines. */
static const char *place_detail(struct input *input, const char *detail, bool has_row)
{
    if (input->kind->is_text) {
        snprintf(input->detail, sizeof(input->detail), "%s:%llu:%zu: %s", input->name,
                 (unsigned long long)input->fault_line, input->fault_column, detail);
    } else if (has_row) {
        snprintf(input->detail, sizeof(input->detail), "%s: %s", input->name, detail);
    } else {
        snprintf(input->detail, sizeof(input->detail), "%s: row %llu: %s", input->name,
                 (unsigned long long)input->last_line, detail);
    }
    if (input->first_rejected[0] == '\0') {
        memcpy(input->first_rejected, input->detail, sizeof(input->detail));
    }
    return input->detail;
}

/* Rows as they are read. */
static bool read_rows(struct input *input)
{
    input->next_row = 0;
    if (!input->kind->next(input)) {
        input->batch.n = 0;
        return false;
    }
    return true;
}

/* Rows made from those that are read. */
static bool make_rows(struct input *input, struct batch *batch)
{
    do {
        if (input->next_row >= input->batch.n && !read_rows(input)) {
            return false;
        }
        input->next_row =
            transform_rows(input->transform, &input->batch, input->next_row, batch);
    } while (batch->n == 0);
    const size_t last = input->next_row - 1;
    const bool was_good = input->batch.reason[last] == REASON_NONE;
    input->last_line = input->row_line[last];
    if (batch->detail != NULL) {
        if (was_good) {
            input->fault_line = input->last_line;
            input->fault_column = 1;
        }
        batch->detail = place_detail(input, batch->detail, !was_good);
    }
    return true;
}

static bool next_rows(struct input *input, struct batch *batch)
{
    if (input->transform != NULL) {
        return make_rows(input, batch);
    }
    if (!read_rows(input)) {
        return false;
    }
    *batch = input->batch;
    input->last_line = input->row_line[batch->n - 1];
    if (batch->detail != NULL) {
        batch->detail = place_detail(input, batch->detail, true);
    }
    return true;
}

bool input_next(struct input *input, struct batch *batch)
{
    if (input->error[0] != '\0' || !next_rows(input, batch)) {
        const int error = flow_error(input->flow);
        if (input->error[0] == '\0' && error != 0) {
            snprintf(input->error, sizeof(input->error), "%s: %s", input->name,
                     strerror(error));
        }
        return false;
    }
    return true;
}

const char *input_error(const struct input *input)
{
    return input->error[0] != '\0' ? input->error : NULL;
}

const char *input_first_rejected(const struct input *input)
{
    return input->first_rejected[0] != '\0' ? input->first_rejected : NULL;
}

const char *input_note(const struct input *input)
{
    return input->note[0] != '\0' ? input->note : NULL;
}

uint64_t input_line(const struct input *input)
{
    return input->last_line;
}

void input_progress(const struct input *input, uint64_t *done, uint64_t *total)
{
    const bool is_file = input->npy.is_fortran; /* read past the buffer */
    *done = flow_taken(input->flow);
    if (is_file) {
        *done += input->n_read * input->layout->n_columns * input->npy.dtype->size;
    }
    *done += input->bytes_before;
    *total = input->recording != NULL ? input->bytes_total : flow_total(input->flow);
}
