/* SPDX-License-Identifier: MIT
 *
 * The buffer of encoded messages, and binary rows into it. */
#include "parts.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

struct parts {
    char *data;
    size_t size;
    size_t capacity;
    size_t n;
    size_t begin[FORMAT_PARTS_MAX]; /* where each part begins */
};

struct parts *parts_new(void)
{
    return calloc(1, sizeof(struct parts));
}

void parts_destroy(struct parts **parts)
{
    if (*parts != NULL) {
        free((*parts)->data);
        free(*parts);
        *parts = NULL;
    }
}

size_t parts_count(const struct parts *parts)
{
    return parts->n;
}

struct bytes parts_get(const struct parts *parts, size_t i)
{
    const size_t end = i + 1 < parts->n ? parts->begin[i + 1] : parts->size;
    return (struct bytes){parts->data + parts->begin[i], end - parts->begin[i]};
}

void parts_clear(struct parts *parts)
{
    parts->n = 0;
    parts->size = 0;
}

bool parts_begin(struct parts *parts)
{
    if (parts->n == FORMAT_PARTS_MAX) {
        return false;
    }
    parts->begin[parts->n++] = parts->size;
    return true;
}

void *parts_extend(struct parts *parts, size_t size)
{
    if (size > SIZE_MAX / 2 - parts->size) {
        return NULL;
    }
    if (parts->data == NULL || parts->size + size > parts->capacity) {
        const size_t capacity = 2 * (parts->size + size) + 256;
        char *const data = realloc(parts->data, capacity);
        if (data == NULL) {
            return NULL;
        }
        parts->data = data;
        parts->capacity = capacity;
    }
    char *const at = parts->data + parts->size;
    parts->size += size;
    return at;
}

bool parts_add(struct parts *parts, const void *data, size_t size)
{
    char *const at = parts_extend(parts, size);
    if (at != NULL && size > 0) {
        memcpy(at, data, size);
    }
    return at != NULL;
}

/* Column c of row i as a number. */
static double row_value(const struct layout *layout, const struct rows *rows, size_t i,
                        size_t c)
{
    double value = rows->values[i * layout->n_columns + c];
    if (layout->columns[c].role == COLUMN_KEY && rows->key != NULL) {
        const char *const text = rows->key[i];
        const char *const end = text + strlen(text);
        if (number_read(text, end, &value) != end) {
            value = (double)NAN;
        }
    }
    return value;
}

bool parts_add_doubles(struct parts *parts, const struct layout *layout,
                       const struct rows *rows)
{
    unsigned char *at = parts_extend(parts, 8 * rows->n * layout->n_columns);
    for (size_t i = 0; at != NULL && i < rows->n; i++) {
        for (size_t c = 0; c < layout->n_columns; c++, at += 8) {
            const double value = row_value(layout, rows, i, c);
            uint64_t bits;
            memcpy(&bits, &value, sizeof(bits));
            for (int b = 0; b < 8; b++) {
                at[b] = (unsigned char)(bits >> 8 * b);
            }
        }
    }
    return at != NULL;
}

bool parts_add_floats(struct parts *parts, const struct layout *layout,
                      const struct rows *rows)
{
    unsigned char *at = parts_extend(parts, 4 * rows->n * layout->n_columns);
    for (size_t i = 0; at != NULL && i < rows->n; i++) {
        for (size_t c = 0; c < layout->n_columns; c++, at += 4) {
            const float value = (float)row_value(layout, rows, i, c);
            uint32_t bits;
            memcpy(&bits, &value, sizeof(bits));
            for (int b = 0; b < 4; b++) {
                at[b] = (unsigned char)(bits >> 8 * b);
            }
        }
    }
    return at != NULL;
}
