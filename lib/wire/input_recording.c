/* SPDX-License-Identifier: MIT
 *
 * The folder of a recording, read as one file: its .npy files one after the other. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "input_impl.h"

/* ---- Opening ------------------------------------------------------------------- */

static uint64_t file_size(const char *folder, uint64_t file)
{
    struct stat status;
    char *path = recording_path(folder, file);
    const bool is_there = path != NULL && stat(path, &status) == 0;
    free(path);
    return is_there ? (uint64_t)status.st_size : 0;
}

/* Bytes of all files, for a progress bar. */
static uint64_t total_size(const char *folder)
{
    uint64_t total = 0, size;
    for (uint64_t file = 0; (size = file_size(folder, file)) > 0; file++) {
        total += size;
    }
    return total;
}

static bool is_name(const char *name, const char *wanted)
{
    return wanted != NULL && strcmp(name, wanted) == 0;
}

/* Every column is a number that may be asked for; the key is not. */
static bool set_columns(const struct recording *recording, struct columns *columns,
                        const struct input_failure *failure)
{
    bool is_ok = columns_new(columns, recording->n_columns);
    for (size_t c = 0; is_ok && c < recording->n_columns; c++) {
        const char *name = recording->columns[c];
        is_ok = columns_set(columns, c, (struct bytes){name, strlen(name)},
                            !is_name(name, recording->key));
    }
    columns->has_names = true;
    columns->key = recording->key;
    return is_ok || input_fail(failure, EX_OSERR, "columns: out of memory");
}

/* What the recording is short of, for people. */
static void note_gaps(struct input *input)
{
    const struct recording *recording = input->recording;
    uint64_t lost = 0;
    for (size_t i = 0; i < recording->n_gaps; i++) {
        lost += recording->gaps[i].lost;
    }
    if (recording->first > 0 || lost > 0) {
        snprintf(input->note, sizeof(input->note),
                 "%s: begins after %" PRIu64 " points, and %" PRIu64
                 " were not recorded: the model comes out differently",
                 input->name, recording->first, lost);
    }
}

static bool recording_open(struct input *input, const struct input_options *options,
                           struct columns *columns, const struct input_failure *failure)
{
    char error[512];
    if (columns->n > 0) {
        return input_fail(failure, EX_USAGE, "%s: --columns: a recording names its own",
                          input->name);
    }
    if (input->recording == NULL) {
        input->recording = recording_read(input->name, error, sizeof(error));
        if (input->recording == NULL) {
            return input_fail(failure, EX_DATAERR, "%s", error);
        }
    }
    note_gaps(input);
    input->bytes_total = total_size(input->name);
    return set_columns(input->recording, columns, failure) &&
           input_npy.open(input, options, columns, failure);
}

/* ---- What the columns are ---------------------------------------------------------- */

/* "a,b,c", NULL without memory. */
static char *join(char *const *names, size_t n)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++) {
        size += strlen(names[i]) + 1;
    }
    char *text = calloc(size, 1);
    for (size_t i = 0; text != NULL && i < n; i++) {
        if (i > 0) {
            strcat(text, ",");
        }
        strcat(text, names[i]);
    }
    return text;
}

/* For a replay the time is that of the arrival, and every other column is sent on; else
 * the roles are those of the stream. What the caller chose comes first. */
bool recording_defaults(struct input *input, struct input_options *options, char **fields)
{
    char error[64];
    input->recording = recording_read(input->name, error, sizeof(error));
    const struct recording *recording = input->recording;
    *fields = NULL;
    if (recording == NULL) {
        return true; /* recording_open() says why */
    }
    if (options->is_replay) {
        options->time = options->time != NULL ? options->time : recording->columns[0];
        options->marginalize = true;
        return true;
    }
    if (options->fields == NULL && recording->n_fields > 0) {
        *fields = join(recording->fields, recording->n_fields);
        options->fields = *fields;
    }
    if (options->time == NULL) {
        options->time = recording->time != NULL ? recording->time : recording->columns[0];
    }
    options->weight = options->weight != NULL ? options->weight : recording->weight;
    return *fields != NULL || options->fields != NULL;
}

/* ---- Rows ------------------------------------------------------------------------- */

/* Goes on with the next file. False at the end, or with an error. */
static bool open_next(struct input *input)
{
    char text[sizeof(input->error)];
    int code;
    const struct input_failure failure = {text, sizeof(text), &code};
    struct columns columns = {.n = input->recording->n_columns};
    if (file_size(input->name, input->file + 1) == 0 &&
        file_size(input->name, input->file + 2) == 0) {
        return false;
    }
    char *path = recording_path(input->name, input->file + 1);
    struct flow *next = path != NULL ? flow_open(path) : NULL;
    if (next == NULL) {
        snprintf(input->error, sizeof(input->error), "%s: cannot be read",
                 path != NULL ? path : input->name);
        free(path);
        return false;
    }
    input->bytes_before += flow_taken(input->flow);
    flow_close(&input->flow);
    input->flow = next;
    input->file++;
    input->first_row += input->n_read;
    input->n_read = 0;
    if (!input_npy.open(input, NULL, &columns, &failure)) {
        snprintf(input->error, sizeof(input->error), "%.400s: file %s", text, path);
    }
    free(path);
    return input->error[0] == '\0';
}

/* A key column holds indices of the texts. */
static void name_keys(struct input *input)
{
    struct bytes *key = input->reader->key;
    const struct recording *recording = input->recording;
    for (size_t i = 0; input->batch.key != NULL && i < input->batch.n; i++) {
        char *end;
        char text[32];
        snprintf(text, sizeof(text), "%.*s", (int)key[i].size, (const char *)key[i].data);
        const unsigned long long index = strtoull(text, &end, 10);
        if (end != text && *end == '\0' && index < recording->n_keys) {
            const char *name = recording->keys[index];
            key[i] = (struct bytes){name, strlen(name)};
        }
    }
}

static bool recording_next(struct input *input)
{
    while (!input_npy.next(input)) {
        if (input->error[0] != '\0' || !open_next(input)) {
            return false;
        }
    }
    for (size_t i = 0; i < input->batch.n; i++) {
        input->row_line[i] += input->first_row;
    }
    name_keys(input);
    return true;
}

static bool recording_start(struct input *input, const struct input_failure *failure)
{
    return input_npy.start(input, failure);
}

const struct input_kind input_recording = {" recording ", false, recording_open,
                                           recording_start, recording_next};
