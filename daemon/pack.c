/* SPDX-License-Identifier: MIT */
#include "pack.h"

#include <endian.h>
#include <string.h>

#include "xalloc.h"

static unsigned char *extend(struct pack *pack, size_t size)
{
    if (pack->room - pack->size < size) {
        pack->room = 2 * pack->room + size + 64;
        pack->bytes = xrealloc(pack->bytes, pack->room, 1);
    }
    unsigned char *at = pack->bytes + pack->size;
    pack->size += size;
    return at;
}

void pack_u64(struct pack *pack, uint64_t value)
{
    value = htole64(value);
    memcpy(extend(pack, sizeof(value)), &value, sizeof(value));
}

void pack_f64(struct pack *pack, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    pack_u64(pack, bits);
}

void *pack_space(struct pack *pack, size_t size)
{
    pack_u64(pack, size);
    return extend(pack, size);
}

void pack_bytes(struct pack *pack, const void *bytes, size_t size)
{
    void *space = pack_space(pack, size);
    if (size > 0) {
        memcpy(space, bytes, size);
    }
}

void pack_text(struct pack *pack, const char *text)
{
    pack_bytes(pack, text, strlen(text));
}

static const unsigned char *take(struct unpack *unpack, uint64_t size)
{
    if (unpack->is_short || size > unpack->left) {
        unpack->is_short = true;
        return NULL;
    }
    const unsigned char *at = unpack->at;
    unpack->at += size;
    unpack->left -= (size_t)size;
    return at;
}

uint64_t unpack_u64(struct unpack *unpack)
{
    uint64_t value = 0;
    const unsigned char *at = take(unpack, sizeof(value));
    if (at != NULL) {
        memcpy(&value, at, sizeof(value));
    }
    return le64toh(value);
}

double unpack_f64(struct unpack *unpack)
{
    const uint64_t bits = unpack_u64(unpack);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct bytes unpack_bytes(struct unpack *unpack)
{
    const uint64_t size = unpack_u64(unpack);
    const unsigned char *at = take(unpack, size);
    return at != NULL ? (struct bytes){(const char *)at, (size_t)size}
                      : (struct bytes){NULL, 0};
}

bool unpack_is_done(const struct unpack *unpack)
{
    return !unpack->is_short && unpack->left == 0;
}
