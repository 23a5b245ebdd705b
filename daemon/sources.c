/* SPDX-License-Identifier: MIT */
#include "sources.h"

#include <jansson.h>
#include <stdlib.h>

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
