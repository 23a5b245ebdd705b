/* SPDX-License-Identifier: MIT
 *
 * An .npy image: "\x93NUMPY", version, length of the header (2 bytes in version 1, else
 * 4, little-endian), a Python dictionary as text, the numbers:
 *
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } */
#include "npy.h"

#include <stdint.h>
#include <string.h>

/* The longest header that NumPy itself reads without being asked twice is 10000. */
#define HEADER_BYTES_MAX 65536

static const char magic[] = "\x93NUMPY";

size_t npy_size(struct bytes image)
{
    const unsigned char *const b = image.data;
    if (image.size < NPY_MAGIC_SIZE || memcmp(b, magic, 6) != 0 || b[6] < 1 || b[6] > 3 ||
        b[7] != 0) {
        return 0;
    }
    if (b[6] == 1) {
        return 10 + ((size_t)b[8] | (size_t)b[9] << 8);
    }
    const uint32_t length = (uint32_t)b[8] | (uint32_t)b[9] << 8 | (uint32_t)b[10] << 16 |
                            (uint32_t)b[11] << 24;
    return length <= HEADER_BYTES_MAX ? 12 + (size_t)length : 0;
}

struct cursor {
    const char *at;
    const char *end;
    const char *error;
};

static bool fail(struct cursor *cursor, const char *error)
{
    cursor->error = error;
    return false;
}

static char peek(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n')) {
        cursor->at++;
    }
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool take(struct cursor *cursor, char c)
{
    if (peek(cursor) != c || cursor->at == cursor->end) {
        return false;
    }
    cursor->at++;
    return true;
}

/* '…' or "…", without escapes: no header of numbers has any. */
static bool take_string(struct cursor *cursor, struct bytes *text)
{
    const char quote = peek(cursor);
    if (quote != '\'' && quote != '"') {
        return fail(cursor, "a string expected");
    }
    const char *const first = ++cursor->at;
    const char *const last = memchr(first, quote, (size_t)(cursor->end - first));
    if (last == NULL || memchr(first, '\\', (size_t)(last - first)) != NULL) {
        return fail(cursor, "a string without an end, or with an escape");
    }
    *text = (struct bytes){first, (size_t)(last - first)};
    cursor->at = last + 1;
    return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
    const size_t length = strlen(word);
    peek(cursor);
    if ((size_t)(cursor->end - cursor->at) < length ||
        memcmp(cursor->at, word, length) != 0) {
        return false;
    }
    cursor->at += length;
    return true;
}

static bool take_count(struct cursor *cursor, size_t *value)
{
    peek(cursor);
    const char *const first = cursor->at;
    *value = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
         cursor->at++) {
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (size_t)(*cursor->at - '0'), value)) {
            return fail(cursor, "a size past all memory");
        }
    }
    if (cursor->at == first) {
        return fail(cursor, "a whole number expected");
    }
    take(cursor, 'L'); /* Python 2 wrote long numbers so */
    return true;
}

/* (), (3,), (3, 2), … */
static bool take_shape(struct cursor *cursor, struct npy *npy)
{
    npy->n_axes = 0;
    if (!take(cursor, '(')) {
        return fail(cursor, "'(' expected");
    }
    while (!take(cursor, ')')) {
        size_t extent;
        if (!take_count(cursor, &extent)) {
            return false;
        }
        if (npy->n_axes < 2) {
            npy->shape[npy->n_axes] = extent;
        }
        npy->n_axes++;
        if (!take(cursor, ',') && peek(cursor) != ')') {
            return fail(cursor, "',' or ')' expected");
        }
    }
    return true;
}

/* The three members and in which of them the cursor is. */
struct members {
    bool has_descr, has_order, has_shape;
    struct bytes descr; /* empty: not a plain type */
};

static bool is_name(struct bytes text, const char *name)
{
    return text.size == strlen(name) && memcmp(text.data, name, text.size) == 0;
}

/* A list of fields: a type that we do not take. Its text is not looked into. */
static bool take_descr(struct cursor *cursor, struct members *members)
{
    members->has_descr = true;
    if (peek(cursor) == '[' || peek(cursor) == '(') {
        members->descr = (struct bytes){cursor->at, 0};
        cursor->at = cursor->end;
        return true;
    }
    return take_string(cursor, &members->descr);
}

static bool take_member(struct cursor *cursor, struct members *members, struct npy *npy)
{
    struct bytes name;
    if (!take_string(cursor, &name)) {
        return false;
    }
    if (!take(cursor, ':')) {
        return fail(cursor, "':' expected");
    }
    if (is_name(name, "descr") && !members->has_descr) {
        return take_descr(cursor, members);
    }
    if (is_name(name, "fortran_order") && !members->has_order) {
        members->has_order = true;
        npy->is_fortran = take_word(cursor, "True");
        return npy->is_fortran || take_word(cursor, "False") ||
               fail(cursor, "True or False expected");
    }
    if (is_name(name, "shape") && !members->has_shape) {
        members->has_shape = true;
        return take_shape(cursor, npy);
    }
    return fail(cursor, "a member that is unknown or stands twice");
}

static bool take_members(struct cursor *cursor, struct members *members, struct npy *npy)
{
    if (!take(cursor, '{')) {
        return fail(cursor, "'{' expected");
    }
    while (!take(cursor, '}')) {
        if (!take_member(cursor, members, npy)) {
            return false;
        }
        if (members->has_descr && members->descr.size == 0) {
            return true; /* refused for its type, whatever follows */
        }
        if (!take(cursor, ',') && peek(cursor) != '}') {
            return fail(cursor, "',' or '}' expected");
        }
    }
    peek(cursor);
    if (cursor->at < cursor->end) {
        return fail(cursor, "more text after the dictionary");
    }
    return (members->has_descr && members->has_order && members->has_shape) ||
           fail(cursor, "descr, fortran_order or shape is missing");
}

enum reason npy_read(struct bytes image, struct npy *npy)
{
    *npy = (struct npy){.data_at = npy_size(image)};
    if (npy->data_at == 0 || npy->data_at > image.size) {
        npy->error = npy->data_at == 0 ? "not an .npy image of version 1, 2 or 3"
                                       : "the header is cut off";
        return REASON_HEADER;
    }
    const char *const begin = image.data;
    const size_t text_at = begin[6] == 1 ? 10 : 12;
    struct cursor cursor = {begin + text_at, begin + npy->data_at, NULL};
    struct members members = {0};
    const bool is_ok = take_members(&cursor, &members, npy);
    npy->place = (size_t)(cursor.at - begin);
    npy->error = cursor.error;
    if (!is_ok) {
        return REASON_HEADER;
    }
    npy->dtype = dtype_find(members.descr, &npy->swap);
    npy->error = "a type that is not known";
    return npy->dtype != NULL ? REASON_NONE : REASON_DTYPE;
}
