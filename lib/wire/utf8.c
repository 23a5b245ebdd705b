/* SPDX-License-Identifier: MIT
 *
 * UTF-8, after table 3-7 of the Unicode standard. */
#include "utf8.h"

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t utf8_length(const char *at, const char *end)
{
    const unsigned char *const c = (const unsigned char *)at;
    const size_t left = (size_t)(end - at);
    if (left >= 1 && c[0] < 0x80) {
        return 1;
    }
    if (left >= 2 && c[0] >= 0xc2 && c[0] <= 0xdf && is_tail(c[1])) {
        return 2;
    }
    if (left >= 3 && (c[0] & 0xf0) == 0xe0 && is_tail(c[1]) && is_tail(c[2])) {
        const bool is_overlong = c[0] == 0xe0 && c[1] < 0xa0;
        const bool is_surrogate = c[0] == 0xed && c[1] > 0x9f;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (left >= 4 && c[0] >= 0xf0 && c[0] <= 0xf4 && is_tail(c[1]) && is_tail(c[2]) &&
        is_tail(c[3])) {
        const bool is_overlong = c[0] == 0xf0 && c[1] < 0x90;
        const bool is_past_end = c[0] == 0xf4 && c[1] > 0x8f;
        return is_overlong || is_past_end ? 0 : 4;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t size)
{
    const char *const end = text + size;
    while (text < end) {
        const size_t length = utf8_length(text, end);
        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}

size_t utf8_write(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    to[0] = (char)(lead[length] | code);
    return length;
}
