/* SPDX-License-Identifier: MIT
 *
 * UTF-8, after the table "Well-Formed UTF-8 Byte Sequences" of the Unicode standard
 * (chapter 3.9): the first byte gives the length and the range of the second byte. */
#include "utf8.h"

static const struct {
    unsigned char first_min, first_max, second_min, second_max;
    size_t size;
} sequences[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

size_t utf8_size(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        if (byte[0] < sequences[i].first_min || byte[0] > sequences[i].first_max) {
            continue;
        }
        if (length < sequences[i].size || byte[1] < sequences[i].second_min ||
            byte[1] > sequences[i].second_max) {
            return 0;
        }
        for (size_t j = 2; j < sequences[i].size; j++) {
            if ((byte[j] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return sequences[i].size;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t length)
{
    while (length > 0) {
        const size_t size = utf8_size(text, length);
        if (size == 0) {
            return false;
        }
        text += size;
        length -= size;
    }
    return true;
}

size_t utf8_write(char *to, uint32_t code)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    const size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    to[0] = (char)(lead[size] | code);
    return size;
}
