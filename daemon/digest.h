/* SPDX-License-Identifier: MIT
 *
 * A 64-bit digest that finds damage to stored bytes. Not against forgers: whoever may
 * write the state folder may write a digest as well. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0x243f6a8885a308d3) /* pi, so that zeros do not stay 0 */

/* Adds bytes and their number to a digest. The same on every machine. Damage within
 * one aligned group of eight bytes always changes the result; any other damage is
 * missed once in 2^64. */
uint64_t digest_add(uint64_t digest, const void *bytes, size_t size);

#endif
