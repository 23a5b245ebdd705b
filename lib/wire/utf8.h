/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character that begins at `at`, 1..4, or 0 if there is none. */
size_t utf8_length(const char *at, const char *end);
bool utf8_is_valid(const char *text, size_t size);
/* Writes a code point, 1..4 bytes, and returns how many. Not for surrogates. */
size_t utf8_write(char *to, uint32_t code);

#endif
