/* SPDX-License-Identifier: MIT
 *
 * Readers and messages: what does not depend on the format. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "reader_impl.h"

struct reader *reader_new(const struct layout *layout)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    const size_t n = READER_BATCH;
    const size_t n_columns = layout->n_columns + 1; /* never 0 */
    reader->layout = layout;
    reader->x = calloc(n * layout->n_fields + 1, sizeof(double));
    reader->weight = calloc(n, sizeof(double));
    reader->time = calloc(n, sizeof(double));
    reader->key = calloc(n, sizeof(struct bytes));
    const bool has_keys = layout->has_key || layout->has_topic;
    reader->key_text = has_keys ? calloc(n, KEY_BYTES_MAX + 1) : NULL;
    reader->key_number = calloc(n, sizeof(double));
    reader->reason = calloc(n, sizeof(uint8_t));
    reader->origin = calloc(n, sizeof(struct bytes));
    reader->seen = calloc(n_columns, sizeof(uint32_t));
    reader->names = calloc(n_columns, sizeof(struct name));
    reader->guess = calloc(n_columns, sizeof(struct name));
    reader->scratch = malloc(LINE_BYTES_MAX);
    if (reader->x == NULL || reader->weight == NULL || reader->time == NULL ||
        reader->key == NULL || (has_keys && reader->key_text == NULL) ||
        reader->key_number == NULL || reader->reason == NULL || reader->origin == NULL ||
        reader->seen == NULL || reader->names == NULL || reader->guess == NULL ||
        reader->scratch == NULL) {
        reader_destroy(&reader);
        return NULL;
    }
    reader_sort_names(reader);
    return reader;
}

void reader_destroy(struct reader **reader)
{
    struct reader *r = *reader;
    if (r == NULL) {
        return;
    }
    free(r->x);
    free(r->weight);
    free(r->time);
    free(r->key);
    free(r->key_text);
    free(r->key_number);
    free(r->reason);
    free(r->origin);
    free(r->seen);
    free(r->names);
    free(r->guess);
    free(r->scratch);
    free(r);
    *reader = NULL;
}

void reader_open(struct reader *reader, const struct format *format,
                 const struct bytes *parts, size_t n_parts)
{
    reader->format = format;
    reader->refused = REASON_NONE;
    reader->body.n_rows = reader->body.next_row = 0;
    reader->text = (struct text){0};
    reader->source[0] = '\0';
    reader->seq = 0;
    if (n_parts != format->n_parts) {
        reader_refuse(reader, REASON_FRAMES,
                      n_parts > 0 ? parts[0] : (struct bytes){"", 0},
                      "%zu parts in a message of format %s: %zu wanted", n_parts,
                      format->name, format->n_parts);
        return;
    }
    struct bytes own[FORMAT_PARTS_MAX];
    for (size_t i = 0; i < n_parts; i++) { /* an empty part may have no address */
        own[i] = parts[i].size > 0 ? parts[i] : (struct bytes){"", 0};
    }
    format->open(reader, own);
}

void reader_set_topic(struct reader *reader, struct bytes topic)
{
    reader->topic = topic;
}

/* Gives points from `first` on the topic for a key. One that is no key has no place, and
 * stays where it is. */
static void give_topic(struct reader *reader, size_t first)
{
    struct bytes key = reader->topic;
    char *own = reader->key_text + first * (KEY_BYTES_MAX + 1);
    if (key.size > 0 && key.size <= KEY_BYTES_MAX) {
        memcpy(own, key.data, key.size);
        key.data = own;
    }
    for (size_t i = first; i < reader->n; i++) {
        reader->key[i] = key;
    }
}

/* The points of the message that was opened, or the one that it is rejected as. */
static bool next_points(struct reader *reader, struct batch *batch)
{
    if (reader->refused == REASON_NONE) {
        return reader->format->next(reader, batch);
    }
    if (reader->refused == REASON_COUNT) { /* told already */
        return false;
    }
    reader_begin_row(reader);
    reader->reason[0] = (uint8_t)reader->refused;
    reader->origin[0] = reader->refused_origin;
    reader->n = reader->n_rejected = 1;
    reader->refused = REASON_COUNT;
    return reader_finish(reader, batch);
}

bool reader_next(struct reader *reader, struct batch *batch)
{
    reader->n = reader->n_rejected = 0;
    reader->is_open_to_more = false;
    if (!next_points(reader, batch)) {
        return false;
    }
    if (reader->layout->has_topic) {
        give_topic(reader, 0);
        reader->is_open_to_more &= reader->topic.size <= KEY_BYTES_MAX;
    }
    return true;
}

bool reader_is_open(const struct reader *reader)
{
    return reader->is_open_to_more && reader->source[0] == '\0' &&
           reader->n < READER_BATCH;
}

bool reader_join(struct reader *reader, const struct format *format,
                 const struct bytes *parts, size_t n_parts, struct batch *batch)
{
    const size_t before = reader->n;
    reader_open(reader, format, parts, n_parts);
    const bool has_joined =
        reader->refused == REASON_NONE && reader->source[0] == '\0' &&
        format->join(reader) && reader->n_rejected == 0 &&
        (!reader->layout->has_topic || reader->topic.size <= KEY_BYTES_MAX);
    if (!has_joined) {
        reader->n = before;
        reader->n_rejected = 0;
    } else if (reader->layout->has_topic) {
        give_topic(reader, before);
    }
    reader->refused = has_joined ? REASON_NONE : REASON_COUNT; /* nothing is open */
    reader->body.n_rows = 0;
    batch->n = reader->n;
    return has_joined;
}

const char *reader_source(const struct reader *reader, uint64_t *seq)
{
    *seq = reader->seq;
    return reader->source[0] != '\0' ? reader->source : NULL;
}

void reader_refuse(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->detail, sizeof(reader->detail), format, arguments);
    va_end(arguments);
    reader->refused = reason;
    reader->refused_origin = origin;
}

bool reader_finish(struct reader *reader, struct batch *batch)
{
    const struct layout *layout = reader->layout;
    *batch = (struct batch){
        .n = reader->n,
        .x = reader->x,
        .stride = layout->n_fields,
        .weight = layout->has_weight ? reader->weight : NULL,
        .time = layout->has_time ? reader->time : NULL,
        .key = layout->has_key || layout->has_topic ? reader->key : NULL,
        .reason = reader->reason,
        .n_rejected = reader->n_rejected,
        .origin = reader->origin,
        .detail = reader->n_rejected > 0 ? reader->detail : NULL,
    };
    return reader->n > 0;
}
