/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as Unicode has it: shortest form only, no surrogates, nothing past U+10FFFF. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that text begins with: 1..4, or 0 if it is not UTF-8.
 * length > 0 is what there is of the text. */
size_t utf8_size(const char *text, size_t length);

/* Whether all of the text is UTF-8; the empty text is. */
bool utf8_is_valid(const char *text, size_t length);

/* Writes a code point, 1..4 bytes, and returns how many. Not for surrogates. */
size_t utf8_write(char *to, uint32_t code);

#endif
