/* SPDX-License-Identifier: MIT
 *
 * The tokens of JSON. */
#include "scan.h"

#include <stdint.h>
#include <string.h>

#include "number.h"
#include "utf8.h"

bool scan_fail(struct scan *scan, const char *error)
{
    if (scan->error == NULL) {
        scan->error = error;
    }
    return false;
}

bool scan_expect(struct scan *scan, char c)
{
    if (scan_take(scan, c)) {
        return true;
    }
    switch (c) {
    case ':':
        return scan_fail(scan, "':' expected");
    case '[':
        return scan_fail(scan, "'[' expected");
    case ']':
        return scan_fail(scan, "',' or ']' expected");
    case '{':
        return scan_fail(scan, "'{' expected");
    default:
        return scan_fail(scan, "',' or '}' expected");
    }
}

/* Four hexadecimal digits. */
static bool read_hex(const char *at, const char *end, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at >= end) {
            return false;
        }
        const char lower = (char)(*at | 0x20);
        if (*at >= '0' && *at <= '9') {
            *code = *code << 4 | (uint32_t)(*at - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            *code = *code << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* The code point of \uXXXX, or of a pair of surrogates. at is after the backslash. Its
 * length from there, or 0. */
static size_t read_unicode(const char *at, const char *end, uint32_t *code)
{
    uint32_t low;
    if (!read_hex(at + 1, end, code) || (*code >= 0xdc00 && *code <= 0xdfff)) {
        return 0;
    }
    if (*code < 0xd800 || *code > 0xdbff) {
        return 5;
    }
    if (end - at < 11 || at[5] != '\\' || at[6] != 'u' || !read_hex(at + 7, end, &low) ||
        low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 11;
}

/* The length of what follows a backslash and the character it stands for; 0: wrong. */
static size_t read_escape(const char *at, const char *end, uint32_t *code)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (at == end) {
        return 0;
    }
    if (*at == 'u') {
        return read_unicode(at, end, code);
    }
    const char *const found = memchr(letters, *at, sizeof(letters) - 1);
    if (found == NULL) {
        return 0;
    }
    *code = (uint32_t)meanings[found - letters];
    return 1;
}

bool scan_string(struct scan *scan, struct bytes *raw)
{
    if (scan_peek(scan) != '"') {
        return scan_fail(scan, "a string expected");
    }
    const char *at = scan->at + 1;
    while (at < scan->end && *at != '"') {
        const unsigned char c = (unsigned char)*at;
        uint32_t code;
        size_t length = 1;
        if (c == '\\') {
            length = read_escape(at + 1, scan->end, &code);
            length += length > 0 ? 1 : 0;
        } else if (c >= 0x80) {
            length = utf8_size(at, (size_t)(scan->end - at));
        }
        if (length == 0 || c < 0x20) {
            scan->at = at;
            return scan_fail(scan, c == '\\'  ? "not an escape of JSON"
                                   : c < 0x20 ? "a control character in a string"
                                              : "not UTF-8");
        }
        at += length;
    }
    if (at == scan->end) {
        return scan_fail(scan, "a string without an end");
    }
    *raw = (struct bytes){scan->at + 1, (size_t)(at - scan->at - 1)};
    scan->at = at + 1;
    return true;
}

bool scan_text(struct scan *scan, char *scratch, struct bytes *text)
{
    if (!scan_string(scan, text)) {
        return false;
    }
    if (memchr(text->data, '\\', text->size) == NULL) {
        return true;
    }
    const char *at = text->data;
    const char *const end = at + text->size;
    char *to = scratch;
    while (at < end) {
        uint32_t code;
        if (*at == '\\') {
            at += 1 + read_escape(at + 1, end, &code);
            to += utf8_write(to, code);
        } else {
            *to++ = *at++;
        }
    }
    *text = (struct bytes){scratch, (size_t)(to - scratch)};
    return true;
}

bool scan_number(struct scan *scan, double *value)
{
    scan_peek(scan);
    const char *const after = number_read(scan->at, scan->end, value);
    if (after == NULL) {
        return scan_fail(scan, "a number expected");
    }
    scan->at = after;
    return true;
}

bool scan_word(struct scan *scan, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) {
        return scan_fail(scan, "a value expected");
    }
    scan->at += length;
    return true;
}

static bool skip_scalar(struct scan *scan)
{
    struct bytes raw;
    double value;
    switch (scan_peek(scan)) {
    case '"':
        return scan_string(scan, &raw);
    case 'n':
        return scan_word(scan, "null");
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    default:
        return scan_number(scan, &value) || scan_fail(scan, "a value expected");
    }
}

static bool skip_name(struct scan *scan)
{
    struct bytes raw;
    return scan_string(scan, &raw) && scan_expect(scan, ':');
}

/* What may follow a value: closing brackets, then a comma unless all are closed. After
 * the comma of an object comes the next name. */
static bool skip_closers(struct scan *scan, const char *stack, size_t *depth)
{
    while (*depth > 0) {
        const char closer = stack[*depth - 1];
        if (scan_take(scan, ',')) {
            return closer == ']' || skip_name(scan);
        }
        if (!scan_expect(scan, closer)) {
            return false;
        }
        --*depth;
    }
    return true;
}

bool scan_skip(struct scan *scan)
{
    char stack[SCAN_DEPTH_MAX]; /* the bracket that closes each level */
    size_t depth = 0;
    do {
        const char c = scan_peek(scan);
        if (c != '[' && c != '{') {
            if (!skip_scalar(scan)) {
                return false;
            }
        } else if (depth == SCAN_DEPTH_MAX) {
            return scan_fail(scan, "more than 64 levels of brackets");
        } else {
            scan->at++;
            stack[depth++] = c == '[' ? ']' : '}';
            if (!scan_take(scan, stack[depth - 1])) {
                if (c == '{' && !skip_name(scan)) {
                    return false;
                }
                continue; /* to the first value inside */
            }
            depth--;
        }
        if (!skip_closers(scan, stack, &depth)) {
            return false;
        }
    } while (depth > 0);
    return true;
}

bool scan_end(struct scan *scan)
{
    scan_peek(scan);
    return scan->at == scan->end || scan_fail(scan, "more text after the value");
}
