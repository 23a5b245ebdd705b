/* SPDX-License-Identifier: MIT */
#include "sources.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* A jansson object is the hash table at hand. */
struct sources {
    json_t *next; /* name -> expected number, a uint64 as the int64 of the same bits */
};

struct sources *sources_new(void)
{
    struct sources *sources = xalloc(1, sizeof(*sources));
    sources->next = json_object();
    return sources;
}

void sources_destroy(struct sources **sources)
{
    if (*sources == NULL) {
        return;
    }
    json_decref((*sources)->next);
    free(*sources);
    *sources = NULL;
}

uint64_t sources_follow(struct sources *sources, const char *name, uint64_t seq,
                        uint64_t n)
{
    const uint64_t after = seq > UINT64_MAX - n ? UINT64_MAX : seq + n;
    json_t *mark = json_object_get(sources->next, name);
    if (mark == NULL) {
        if (json_object_size(sources->next) < SOURCES_MAX) {
            json_object_set_new(sources->next, name, json_integer((json_int_t)after));
        }
        return 0;
    }
    const uint64_t expected = (uint64_t)json_integer_value(mark);
    json_integer_set(mark, (json_int_t)after);
    return seq > expected ? seq - expected : 0;
}

void sources_pack(const struct sources *sources, struct pack *pack)
{
    const char *name;
    json_t *mark;
    pack_u64(pack, json_object_size(sources->next));
    json_object_foreach(sources->next, name, mark)
    {
        pack_text(pack, name);
        pack_u64(pack, (uint64_t)json_integer_value(mark));
    }
}

bool sources_unpack(struct sources *sources, struct unpack *unpack)
{
    for (uint64_t n = unpack_u64(unpack); n > 0 && !unpack->is_short; n--) {
        const struct bytes name = unpack_bytes(unpack);
        const json_int_t mark = (json_int_t)unpack_u64(unpack);
        if (name.data == NULL || json_object_size(sources->next) == SOURCES_MAX) {
            return false;
        }
        char *text = xalloc(name.size + 1, 1);
        memcpy(text, name.data, name.size);
        json_object_set_new(sources->next, text, json_integer(mark));
        free(text);
    }
    return !unpack->is_short;
}
