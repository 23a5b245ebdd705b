/* SPDX-License-Identifier: MIT */
#include "reliable.h"

#include <string.h>

#include "crc32c.h"

/* Places of the members in the header. */
enum {
    AT_VERSION = 0,
    AT_TYPE = 1,
    AT_CODE = 2,
    AT_COUNT = 4,
    AT_INCARNATION = 8,
    AT_SESSION = 16,
    AT_A = 24,
    AT_B = 32,
    AT_C = 40,
    AT_CRC = 48,
    AT_COLUMNS = 52,
    AT_SOURCE = 56,
};

/* ---- Numbers --------------------------------------------------------------- */

static void put(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get(const unsigned char *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)from[i] << (8 * i);
    }
    return value;
}

/* ---- Names ----------------------------------------------------------------- */

static bool is_source_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

bool reliable_source_is_valid(const char *source, size_t size)
{
    if (size < 1 || size > RELIABLE_SOURCE_MAX) {
        return false;
    }
    size_t n = 0;
    while (n < size && is_source_character(source[n])) {
        n++;
    }
    return n == size;
}

const char *reliable_type_name(unsigned type)
{
    switch (type) {
#define X(name, value)                                                                   \
    case value:                                                                          \
        return #name;
        RELIABLE_TYPES(X)
#undef X
    default:
        return NULL;
    }
}

const char *reliable_code_meaning(unsigned code)
{
    switch (code) {
#define X(name, value, meaning)                                                          \
    case value:                                                                          \
        return meaning;
        RELIABLE_CODES(X)
#undef X
    default:
        return "an error of a later version";
    }
}

/* ---- Headers --------------------------------------------------------------- */

void reliable_encode(const struct reliable *header, unsigned char to[RELIABLE_SIZE])
{
    memset(to, 0, RELIABLE_SIZE);
    put(to + AT_VERSION, RELIABLE_VERSION, 1);
    put(to + AT_TYPE, header->type, 1);
    put(to + AT_CODE, header->code, 2);
    put(to + AT_COUNT, header->count, 4);
    put(to + AT_INCARNATION, header->incarnation, 8);
    put(to + AT_SESSION, header->session, 8);
    put(to + AT_A, header->a, 8);
    put(to + AT_B, header->b, 8);
    put(to + AT_C, header->c, 8);
    put(to + AT_CRC, header->crc, 4);
    put(to + AT_COLUMNS, header->columns, 4);
    memcpy(to + AT_SOURCE, header->source, strnlen(header->source, RELIABLE_SOURCE_MAX));
}

/* The name up to its first NUL, where a field without one may stand: "". After the first
 * NUL there may be nothing else. */
static bool read_source(const unsigned char *at, bool may_lack, char *source)
{
    char field[RELIABLE_SOURCE_MAX + 1];
    memcpy(field, at, sizeof(field));
    const size_t size = strnlen(field, sizeof(field));
    for (size_t i = size; i < sizeof(field); i++) {
        if (field[i] != '\0') {
            return false;
        }
    }
    if (!reliable_source_is_valid(field, size) && !(may_lack && size == 0)) {
        return false;
    }
    memcpy(source, field, sizeof(field));
    return true;
}

/* Numbers are 1..RELIABLE_SEQ_MAX, without wrapping. */
static bool numbers_are_good(const struct reliable *header)
{
    if (header->type == RELIABLE_HELLO) {
        const bool is_new = header->a == 0 && header->b == 0;
        return is_new || (header->a >= 1 && header->b <= RELIABLE_SEQ_MAX &&
                          header->a <= header->b + 1);
    }
    if (header->type == RELIABLE_DATA) {
        return header->a >= 1 && header->a <= RELIABLE_SEQ_MAX &&
               header->count <= RELIABLE_SEQ_MAX - header->a + 1;
    }
    return true;
}

enum reliable_code reliable_decode(struct bytes frame, struct reliable *header)
{
    *header = (struct reliable){0};
    if (frame.size != RELIABLE_SIZE) {
        return RELIABLE_CODE_HEADER;
    }
    const unsigned char *at = frame.data;
    header->type = (enum reliable_type)get(at + AT_TYPE, 1);
    header->code = (uint16_t)get(at + AT_CODE, 2);
    header->count = (uint32_t)get(at + AT_COUNT, 4);
    header->incarnation = get(at + AT_INCARNATION, 8);
    header->session = get(at + AT_SESSION, 8);
    header->a = get(at + AT_A, 8);
    header->b = get(at + AT_B, 8);
    header->c = get(at + AT_C, 8);
    header->crc = (uint32_t)get(at + AT_CRC, 4);
    header->columns = (uint32_t)get(at + AT_COLUMNS, 4);
    const bool has_source =
        read_source(at + AT_SOURCE, header->type == RELIABLE_ERR, header->source);
    const bool is_good = get(at + AT_VERSION, 1) == RELIABLE_VERSION &&
                         reliable_type_name(header->type) != NULL && has_source &&
                         numbers_are_good(header);
    return is_good ? RELIABLE_CODE_OK : RELIABLE_CODE_HEADER;
}

/* ---- Payload --------------------------------------------------------------- */

static const char *payload_fault(const struct reliable *header, struct bytes payload,
                                 size_t columns)
{
    if (header->columns != columns) {
        return "not as many columns as the stream has";
    }
    if (header->count == 0) {
        return "no points";
    }
    /* Divided, because the product may have no place in a size_t. */
    const size_t row_size = columns * sizeof(double);
    if (payload.size % row_size != 0 || payload.size / row_size != header->count) {
        return "not as many bytes as count and columns say";
    }
    return crc32c(payload.data, payload.size) != header->crc ? "wrong checksum" : NULL;
}

enum reliable_code reliable_check_payload(const struct reliable *header,
                                          struct bytes payload, size_t columns,
                                          const char **why)
{
    *why = payload_fault(header, payload, columns);
    return *why == NULL ? RELIABLE_CODE_OK : RELIABLE_CODE_PAYLOAD;
}
