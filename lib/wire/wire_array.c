/* SPDX-License-Identifier: MIT
 *
 * `array`: a JSON header with dtype and shape, then the buffer, as NumPy users send
 * arrays over ZeroMQ (pyzmq's example). A header may name its source and the number of
 * its first point. */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "parts.h"
#include "reader_impl.h"
#include "scan.h"

/* What a header says. */
struct header {
    bool has_dtype, has_shape, has_source, has_seq;
    struct bytes dtype;
    size_t n_axes;
    size_t shape[2];
    struct bytes source;
    uint64_t seq;
};

/* A whole number below 2^64, digits only. */
static bool read_count(struct scan *scan, uint64_t *value)
{
    uint64_t sum = 0;
    scan_peek(scan);
    const char *const first = scan->at;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*scan->at - '0'), &sum)) {
            return scan_fail(scan, "a whole number below 2^64 expected");
        }
    }
    const bool has_zero = scan->at - first > 1 && *first == '0';
    const bool goes_on = scan->at < scan->end && strchr(".eE", *scan->at) != NULL;
    if (scan->at == first || has_zero || (goes_on && *scan->at != '\0')) {
        return scan_fail(scan, "a whole number expected");
    }
    *value = sum;
    return true;
}

static bool read_shape(struct scan *scan, struct header *header)
{
    if (!scan_expect(scan, '[')) {
        return false;
    }
    header->n_axes = 0;
    if (scan_take(scan, ']')) {
        return true;
    }
    do {
        uint64_t extent = 0;
        if (!read_count(scan, &extent)) {
            return false;
        }
        if (header->n_axes < 2) {
            header->shape[header->n_axes] = (size_t)extent;
        }
        header->n_axes++;
    } while (scan_take(scan, ','));
    return scan_expect(scan, ']');
}

static bool is_name(struct bytes text, const char *name)
{
    return text.size == strlen(name) && memcmp(text.data, name, text.size) == 0;
}

/* Marks a member as seen; false if it stands twice. */
static bool mark(struct scan *scan, bool *has)
{
    if (*has) {
        return scan_fail(scan, "a member stands twice");
    }
    *has = true;
    return true;
}

static bool read_member(struct scan *scan, struct header *header)
{
    struct bytes name;
    if (!scan_string(scan, &name) || !scan_expect(scan, ':')) {
        return false;
    }
    if (is_name(name, "dtype")) {
        return mark(scan, &header->has_dtype) && scan_string(scan, &header->dtype);
    }
    if (is_name(name, "shape")) {
        return mark(scan, &header->has_shape) && read_shape(scan, header);
    }
    if (is_name(name, "source")) {
        return mark(scan, &header->has_source) && scan_string(scan, &header->source);
    }
    if (is_name(name, "seq")) {
        return mark(scan, &header->has_seq) && read_count(scan, &header->seq);
    }
    return scan_skip(scan);
}

static bool read_header(struct scan *scan, struct header *header)
{
    if (!scan_expect(scan, '{')) {
        return false;
    }
    if (!scan_take(scan, '}')) {
        do {
            if (!read_member(scan, header)) {
                return false;
            }
        } while (scan_take(scan, ','));
        if (!scan_expect(scan, '}')) {
            return false;
        }
    }
    return scan_end(scan);
}

/* 1..31 of [A-Za-z0-9._-], as in the reliable feed. */
static bool source_is_good(struct bytes source)
{
    const char *const text = source.data;
    for (size_t i = 0; i < source.size; i++) {
        const char lower = (char)(text[i] | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            (text[i] == '\0' || strchr("._-", text[i]) == NULL)) {
            return false;
        }
    }
    return source.size >= 1 && source.size <= SOURCE_BYTES_MAX;
}

/* Why the header is not one, or NULL. */
static const char *header_error(struct scan *scan, struct header *header)
{
    if (!read_header(scan, header)) {
        return scan->error;
    }
    if (!header->has_dtype || !header->has_shape) {
        return header->has_dtype ? "no shape" : "no dtype";
    }
    if (header->has_source && !source_is_good(header->source)) {
        return "source is not 1..31 of A-Z a-z 0-9 . _ -";
    }
    if (header->has_seq && header->seq == 0) {
        return "seq counts from 1";
    }
    return NULL;
}

/* What the header says fits the stream and the bytes that came. */
static bool body_is_good(struct reader *reader, const struct header *header,
                         const struct dtype *dtype, struct bytes body)
{
    const size_t n_rows = header->n_axes == 2 ? header->shape[0] : 1;
    const size_t n_columns = header->n_axes == 2 ? header->shape[1] : header->shape[0];
    return header->n_axes >= 1 && header->n_axes <= 2 && n_rows > 0 &&
           n_columns == reader->layout->n_columns &&
           body_fits(dtype, n_rows, n_columns, body.size);
}

static void refuse_shape(struct reader *reader, const struct header *header,
                         struct bytes body)
{
    char shape[64] = "";
    if (header->n_axes == 1) {
        snprintf(shape, sizeof(shape), "[%zu]", header->shape[0]);
    } else if (header->n_axes == 2) {
        snprintf(shape, sizeof(shape), "[%zu,%zu]", header->shape[0], header->shape[1]);
    } else {
        snprintf(shape, sizeof(shape), "of %zu axes", header->n_axes);
    }
    reader_refuse(reader, REASON_SHAPE, body, "shape %s in %zu bytes: [%zu] or [n,%zu]",
                  shape, body.size, reader->layout->n_columns, reader->layout->n_columns);
}

/* The points are numbered up to 2^64 - 1. */
static bool seq_is_good(const struct header *header, size_t n_rows)
{
    return !header->has_seq || header->seq <= UINT64_MAX - (n_rows - 1);
}

static void accept(struct reader *reader, const struct header *header, struct body body)
{
    reader->body = body;
    if (header->has_source) {
        memcpy(reader->source, header->source.data, header->source.size);
        reader->source[header->source.size] = '\0';
        reader->seq = header->seq;
    }
}

/* Senders of one point a message send the same header over and over: to read it is most
 * of the work then. A header with the bytes of the last good one, of a body as long,
 * means the same. */
static bool is_repeated(const struct reader *reader, const struct bytes *parts)
{
    const struct memo *memo = &reader->memo;
    return memo->size > 0 && parts[0].size == memo->size &&
           parts[1].size == memo->body_size &&
           memcmp(parts[0].data, memo->text, memo->size) == 0;
}

/* A header that numbers its points is a new one every time. */
static void remember(struct reader *reader, const struct header *header,
                     const struct bytes *parts)
{
    struct memo *memo = &reader->memo;
    if (!header->has_source && !header->has_seq && parts[0].size <= sizeof(memo->text)) {
        memcpy(memo->text, parts[0].data, parts[0].size);
        memo->size = parts[0].size;
        memo->body_size = parts[1].size;
        memo->body = reader->body;
    }
}

static void read_array(struct reader *reader, const struct bytes *parts)
{
    const char *const text = parts[0].data;
    struct scan scan = {.at = text, .end = text + parts[0].size};
    struct header header = {0};
    struct body body = {.data = parts[1].data};
    if (parts[0].size > LINE_BYTES_MAX) {
        reader_refuse(reader, REASON_SIZE, parts[0], "a header of %zu bytes: %d at most",
                      parts[0].size, LINE_BYTES_MAX);
        return;
    }
    const char *const error = header_error(&scan, &header);
    if (error != NULL) {
        reader_refuse(reader, REASON_HEADER, parts[0], "header: byte %zu: %s",
                      (size_t)(scan.at - text), error);
        return;
    }
    body.dtype = dtype_find(header.dtype, &body.swap);
    if (body.dtype == NULL) {
        reader_refuse(reader, REASON_DTYPE, parts[0], "header: dtype %.*s is not known",
                      (int)(header.dtype.size < 32 ? header.dtype.size : 32),
                      (const char *)header.dtype.data);
    } else if (!body_is_good(reader, &header, body.dtype, parts[1])) {
        refuse_shape(reader, &header, parts[1]);
    } else {
        body.n_rows = header.n_axes == 2 ? header.shape[0] : 1;
        if (seq_is_good(&header, body.n_rows)) {
            accept(reader, &header, body);
            remember(reader, &header, parts);
        } else {
            reader_refuse(reader, REASON_HEADER, parts[0], "header: seq goes past 2^64");
        }
    }
}

static void array_open(struct reader *reader, const struct bytes *parts)
{
    if (is_repeated(reader, parts)) {
        reader->body = reader->memo.body;
        reader->body.data = parts[1].data;
    } else {
        read_array(reader, parts);
    }
}

static bool array_encode(const struct layout *layout, const struct rows *rows,
                         struct parts *parts)
{
    char header[80];
    const int size =
        snprintf(header, sizeof(header), "{\"dtype\":\"float64\",\"shape\":[%zu,%zu]}",
                 rows->n, layout->n_columns);
    parts_clear(parts);
    return size > 0 && parts_begin(parts) && parts_add(parts, header, (size_t)size) &&
           parts_begin(parts) && parts_add_doubles(parts, layout, rows);
}

const struct format format_array = {"array", 2, array_open, body_next, body_join,
                                   array_encode};
