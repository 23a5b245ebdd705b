/* SPDX-License-Identifier: MIT
 *
 * Messages of lines: split at LF, with CR before it and empty lines ignored. */
#include <string.h>

#include "reader_impl.h"

/* The next line that is not empty; false at the end. */
static bool split_line(struct text *text, struct bytes *line)
{
    while (text->at < text->end) {
        const char *const begin = text->at;
        const char *const feed = memchr(begin, '\n', (size_t)(text->end - begin));
        const char *end = feed != NULL ? feed : text->end;
        text->at = feed != NULL ? feed + 1 : text->end;
        if (feed != NULL && end > begin && end[-1] == '\r') {
            end--;
        }
        if (end > begin) {
            *line = (struct bytes){begin, (size_t)(end - begin)};
            return true;
        }
    }
    return false;
}

void text_begin(struct reader *reader, struct bytes lines)
{
    const char *const begin = lines.data;
    reader->text = (struct text){.begin = begin, .end = begin + lines.size, .at = begin};
}

void text_open(struct reader *reader, struct bytes body)
{
    text_begin(reader, body);
    struct text ahead = reader->text;
    struct bytes line;
    if (!split_line(&ahead, &line)) {
        reader_refuse(reader, REASON_PARSE, body, "byte 0: a body without a line");
    }
}

bool text_next_line(struct reader *reader)
{
    struct text *text = &reader->text;
    while (reader_has_room(reader) && split_line(text, &text->line)) {
        if (text->line.size <= LINE_BYTES_MAX) {
            return true;
        }
        reader_begin_row(reader);
        reader_reject(reader, REASON_SIZE, text->line, text->line.data,
                      "a line of %zu bytes: %d at most", text->line.size, LINE_BYTES_MAX);
    }
    return false;
}

/* No line was begun or is to come. */
static bool is_at_end(const struct text *text)
{
    return text->at == text->end && text->point == NULL;
}

/* Has the keys of points from `first` on outlive their message. */
static void keep_keys(struct reader *reader, size_t first)
{
    for (size_t i = first; reader->layout->has_key && i < reader->n; i++) {
        char *own = reader->key_text + i * (KEY_BYTES_MAX + 1);
        struct bytes *key = &reader->key[i];
        if (key->data != own) {
            memcpy(own, key->data, key->size);
            key->data = own;
        }
    }
}

bool text_finish(struct reader *reader, struct batch *batch)
{
    reader->is_open_to_more = is_at_end(&reader->text) && reader->n_rejected == 0 &&
                              reader->n <= READER_BATCH / 2;
    if (reader->is_open_to_more) {
        keep_keys(reader, 0);
    }
    return reader_finish(reader, batch);
}

bool text_join(struct reader *reader, size_t first)
{
    const bool is_whole = is_at_end(&reader->text) && reader->n_rejected == 0;
    if (is_whole) {
        keep_keys(reader, first);
    }
    return is_whole;
}
