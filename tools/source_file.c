/* SPDX-License-Identifier: MIT
 *
 * Points of a file or of standard input, by the row readers of the feeds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"

struct file {
    struct source source;
    struct input *input;
    const char **fields;
};

static void file_close(struct source *source)
{
    struct file *file = (struct file *)source;
    input_close(&file->input);
    free(file->fields);
    free(file);
}

/* A pipe or a device gives what it has once. */
static bool is_stored(const char *name)
{
    struct stat status;
    return strcmp(name, "-") != 0 && stat(name, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* Columns of a file that does not name them are called x0, x1, … */
static bool is_numbered(const char *name)
{
    return name[0] == 'x' && name[1] != '\0' &&
           strspn(name + 1, "0123456789") == strlen(name + 1);
}

/* The names of the fields, in their order; columns of other roles stand between. */
static void name_fields(struct file *file)
{
    const struct layout *layout = input_layout(file->input);
    file->fields = tool_need(calloc(layout->n_fields, sizeof(char *)));
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        if (column->role == COLUMN_FIELD) {
            file->fields[column->field] = column->name;
            file->source.has_names |= !is_numbered(column->name);
        }
    }
    file->source.n_fields = layout->n_fields;
    file->source.fields = file->fields;
    file->source.has_time = layout->has_time;
    file->source.has_weight = layout->has_weight;
    file->source.has_key = layout->has_key;
    file->source.note = input_note(file->input);
}

static struct source *file_open(const char *name, const struct source_options *options,
                                double now_s, struct failure *failure)
{
    (void)now_s;
    struct file *file = tool_need(calloc(1, sizeof(*file)));
    file->source.kind = &source_file;
    struct input_options own = options->input;
    own.is_replay = true;
    file->input =
        input_open(name, &own, failure->text, sizeof(failure->text), &failure->code);
    if (file->input == NULL) {
        free(file);
        return NULL;
    }
    name_fields(file);
    file->source.is_repeatable = is_stored(name);
    return &file->source;
}

static bool file_next(struct source *source, double now_s, struct source_rows *rows,
                      struct failure *failure)
{
    (void)now_s;
    struct file *file = (struct file *)source;
    struct batch batch;
    if (!input_next(file->input, &batch)) {
        const char *error = input_error(file->input);
        if (error != NULL) {
            failure_set(failure, EX_IOERR, "%s", error);
        }
        return false;
    }
    *rows = (struct source_rows){
        .n = batch.n,
        .x = batch.x,
        .stride = batch.stride,
        .time = batch.time,
        .weight = batch.weight,
        .key = batch.key,
        .reason = batch.n_rejected > 0 ? batch.reason : NULL,
        .detail = input_first_rejected(file->input),
    };
    return true;
}

static double file_share(const struct source *source)
{
    const struct file *file = (const struct file *)source;
    uint64_t done;
    uint64_t total;
    input_progress(file->input, &done, &total);
    return total > 0 ? (double)done / (double)total : (double)NAN;
}

const struct source_kind source_file = {
    .prefix = "",
    .open = file_open,
    .next = file_next,
    .share = file_share,
    .close = file_close,
};
