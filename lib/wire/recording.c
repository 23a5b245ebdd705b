/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most columns and keys of a file that is believed. */
enum { COLUMNS_MAX = 65536, KEYS_MAX = 1000000 };

/* ---- Files ------------------------------------------------------------------ */

char *recording_path(const char *folder, uint64_t file)
{
    const size_t size = strlen(folder) + 32;
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%06" PRIu64 ".npy", folder, file);
    }
    return path;
}

void recording_header(char header[static RECORDING_HEADER], uint64_t n_rows,
                      size_t n_columns)
{
    /* Magic, version 1.0, and the size of what follows, little-endian. */
    static const char start[10] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, RECORDING_HEADER - 10, 0};
    char text[RECORDING_HEADER];
    const int length = snprintf(
        text, sizeof(text),
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%" PRIu64 ", %zu), }", n_rows,
        n_columns);
    memset(header, ' ', RECORDING_HEADER);
    memcpy(header, start, sizeof(start));
    memcpy(header + sizeof(start), text, (size_t)length);
    header[RECORDING_HEADER - 1] = '\n';
}

/* ---- Writing recording.json --------------------------------------------------- */

static json_t *strings_json(char *const *strings, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, json_string(strings[i]));
    }
    return array;
}

static json_t *gaps_json(const struct recording *recording)
{
    json_t *array = json_array();
    for (size_t i = 0; i < recording->n_gaps; i++) {
        json_array_append_new(array, json_pack("{s:I, s:I}", "row",
                                               (json_int_t)recording->gaps[i].row, "lost",
                                               (json_int_t)recording->gaps[i].lost));
    }
    return array;
}

char *recording_text(const struct recording *recording)
{
    json_t *object = json_pack(
        "{s:i, s:s, s:s, s:I, s:I, s:o, s:o, s:s?, s:s?, s:s?, s:o, s:o}", "version", 1,
        "id", recording->id, "stream", recording->stream, "first",
        (json_int_t)recording->first, "rows_per_file",
        (json_int_t)recording->rows_per_file, "columns",
        strings_json(recording->columns, recording->n_columns), "fields",
        strings_json(recording->fields, recording->n_fields), "time", recording->time,
        "weight", recording->weight, "key", recording->key, "keys",
        strings_json(recording->keys, recording->n_keys), "gaps", gaps_json(recording));
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
    json_decref(object);
    return text;
}

/* ---- Reading it ---------------------------------------------------------------- */

static void free_strings(char **strings, size_t n)
{
    for (size_t i = 0; strings != NULL && i < n; i++) {
        free(strings[i]);
    }
    free(strings);
}

void recording_destroy(struct recording **recording)
{
    if (*recording == NULL) {
        return;
    }
    free((*recording)->stream);
    free_strings((*recording)->columns, (*recording)->n_columns);
    free_strings((*recording)->fields, (*recording)->n_fields);
    free_strings((*recording)->keys, (*recording)->n_keys);
    free((*recording)->time);
    free((*recording)->weight);
    free((*recording)->key);
    free((*recording)->gaps);
    free(*recording);
    *recording = NULL;
}

/* A list of strings, 0 of them where there is none. False: it is something else. */
static bool take_strings(const json_t *array, size_t max, char ***strings, size_t *n)
{
    size_t i;
    const json_t *item;
    *n = 0;
    if ((array != NULL && !json_is_array(array)) || json_array_size(array) > max) {
        return false;
    }
    *strings = calloc(json_array_size(array) + 1, sizeof(char *));
    json_array_foreach(array, i, item)
    {
        (*strings)[i] = json_is_string(item) ? strdup(json_string_value(item)) : NULL;
        if ((*strings)[i] == NULL) {
            free_strings(*strings, i);
            *strings = NULL;
            return false;
        }
    }
    *n = json_array_size(array);
    return true;
}

static bool take_string(const json_t *value, char **string)
{
    *string = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
    return *string != NULL || value == NULL || json_is_null(value);
}

static bool take_count(const json_t *value, uint64_t *count)
{
    *count = json_is_integer(value) && json_integer_value(value) >= 0
                 ? (uint64_t)json_integer_value(value)
                 : 0;
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool take_gaps(const json_t *array, struct recording *recording)
{
    const size_t n = json_array_size(array);
    recording->gaps = calloc(n + 1, sizeof(recording->gaps[0]));
    for (size_t i = 0; i < n; i++) {
        const json_t *gap = json_array_get(array, i);
        if (!take_count(json_object_get(gap, "row"), &recording->gaps[i].row) ||
            !take_count(json_object_get(gap, "lost"), &recording->gaps[i].lost)) {
            return false;
        }
    }
    recording->n_gaps = n;
    return array == NULL || json_is_array(array);
}

static bool take_members(const json_t *object, struct recording *recording)
{
    const char *id = json_string_value(json_object_get(object, "id"));
    snprintf(recording->id, sizeof(recording->id), "%s", id != NULL ? id : "");
    return json_integer_value(json_object_get(object, "version")) == 1 &&
           take_string(json_object_get(object, "stream"), &recording->stream) &&
           take_string(json_object_get(object, "time"), &recording->time) &&
           take_string(json_object_get(object, "weight"), &recording->weight) &&
           take_string(json_object_get(object, "key"), &recording->key) &&
           take_count(json_object_get(object, "first"), &recording->first) &&
           take_count(json_object_get(object, "rows_per_file"),
                      &recording->rows_per_file) &&
           take_strings(json_object_get(object, "columns"), COLUMNS_MAX,
                        &recording->columns, &recording->n_columns) &&
           take_strings(json_object_get(object, "fields"), COLUMNS_MAX,
                        &recording->fields, &recording->n_fields) &&
           take_strings(json_object_get(object, "keys"), KEYS_MAX, &recording->keys,
                        &recording->n_keys) &&
           take_gaps(json_object_get(object, "gaps"), recording) &&
           recording->n_columns > 1 && recording->rows_per_file > 0 &&
           recording->stream != NULL;
}

struct recording *recording_read(const char *folder, char *error, size_t size)
{
    json_error_t problem;
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, RECORDING_NAME);
    json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    struct recording *recording = object != NULL ? calloc(1, sizeof(*recording)) : NULL;
    if (object == NULL) {
        snprintf(error, size, "%s: %s", path, problem.text);
    } else if (recording == NULL || !take_members(object, recording)) {
        snprintf(error, size, "%s: not the description of a recording", path);
        recording_destroy(&recording);
    }
    json_decref(object);
    return recording;
}
