/* SPDX-License-Identifier: MIT */
#include "sources.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* Numbers from `from` to before `to`. */
struct gap {
    uint64_t from, to;
};

struct source {
    uint64_t next;  /* the number after the largest one; 0: nothing came */
    uint32_t print; /* of point number 1 */
    bool has_print; /* it came */
    size_t n_gaps;
    struct gap gap[SOURCE_GAPS]; /* in the order in which they were made */
};

struct sources {
    json_t *index; /* name -> place in `item`: the hash table at hand */
    struct source **item;
    size_t n;
};

struct sources *sources_new(void)
{
    struct sources *sources = xalloc(1, sizeof(*sources));
    sources->index = json_object();
    sources->item = xalloc(SOURCES_MAX, sizeof(sources->item[0]));
    return sources;
}

void sources_destroy(struct sources **sources)
{
    if (*sources == NULL) {
        return;
    }
    for (size_t i = 0; i < (*sources)->n; i++) {
        free((*sources)->item[i]);
    }
    json_decref((*sources)->index);
    free((*sources)->item);
    free(*sources);
    *sources = NULL;
}

struct source *sources_find(struct sources *sources, const char *name)
{
    const json_t *place = json_object_get(sources->index, name);
    if (place != NULL) {
        return sources->item[json_integer_value(place)];
    }
    if (sources->n == SOURCES_MAX) {
        return NULL;
    }
    json_object_set_new(sources->index, name, json_integer((json_int_t)sources->n));
    sources->item[sources->n] = xalloc(1, sizeof(struct source));
    return sources->item[sources->n++];
}

/* ---- Gaps ------------------------------------------------------------------ */

static void add_gap(struct source *source, struct gap gap)
{
    if (source->n_gaps == SOURCE_GAPS) {
        source->n_gaps--;
        memmove(source->gap, source->gap + 1, source->n_gaps * sizeof(gap));
    }
    source->gap[source->n_gaps++] = gap;
}

/* Takes the numbers from `from` to before `to` out of a gap that has them all. */
static void fill_gap(struct source *source, size_t i, uint64_t from, uint64_t to)
{
    const struct gap after = {to, source->gap[i].to};
    source->gap[i].to = from;
    if (source->gap[i].from == from) {
        source->n_gaps--;
        memmove(source->gap + i, source->gap + i + 1,
                (source->n_gaps - i) * sizeof(source->gap[0]));
    }
    if (after.from < after.to) {
        add_gap(source, after);
    }
}

/* The gap that a number is in; n_gaps: none. */
static size_t gap_of(const struct source *source, uint64_t number)
{
    size_t i = 0;
    while (i < source->n_gaps &&
           (number < source->gap[i].from || number >= source->gap[i].to)) {
        i++;
    }
    return i;
}

/* The first number after `number` with which a gap or the unknown begins. */
static uint64_t next_edge(const struct source *source, uint64_t number)
{
    uint64_t edge = source->next;
    for (size_t i = 0; i < source->n_gaps; i++) {
        if (source->gap[i].from > number && source->gap[i].from < edge) {
            edge = source->gap[i].from;
        }
    }
    return edge;
}

/* ---- Points ---------------------------------------------------------------- */

bool source_begin(struct source *source, uint64_t seq, uint32_t print)
{
    if (source->next != 0 && seq > source->next && seq - source->next > SOURCE_LEAP_MAX) {
        return false;
    }
    if (source->next == 0) {
        source->next = seq;
    }
    if (seq == 1 && source->has_print && source->print != print) {
        source->next = 1;
        source->n_gaps = 0;
    }
    if (seq == 1) {
        source->print = print;
        source->has_print = true;
    }
    return true;
}

struct source_run source_look(const struct source *source, uint64_t number, uint64_t n)
{
    if (number >= source->next) {
        return (struct source_run){.n = n};
    }
    const size_t i = gap_of(source, number);
    const bool is_repeat = i == source->n_gaps;
    const uint64_t end = is_repeat ? next_edge(source, number) : source->gap[i].to;
    return (struct source_run){is_repeat, n < end - number ? n : end - number};
}

uint64_t source_pass(struct source *source, uint64_t number, uint64_t n)
{
    const uint64_t end = n > UINT64_MAX - number ? UINT64_MAX : number + n;
    if (number >= source->next) {
        const struct gap gap = {source->next, number};
        source->next = end;
        if (gap.from < gap.to) {
            add_gap(source, gap);
        }
        return gap.to - gap.from;
    }
    const size_t i = gap_of(source, number);
    if (i == source->n_gaps) {
        return 0;
    }
    fill_gap(source, i, number, end);
    return number - end;
}

/* ---- Durable state --------------------------------------------------------- */

/* Earlier versions had a list of names and marks here; that it is empty tells that the
 * one with gaps follows. */
void sources_pack(const struct sources *sources, struct pack *pack)
{
    const char *name;
    json_t *place;
    pack_u64(pack, 0);
    pack_u64(pack, sources->n);
    json_object_foreach(sources->index, name, place)
    {
        const struct source *source = sources->item[json_integer_value(place)];
        pack_text(pack, name);
        pack_u64(pack, source->next);
        pack_u64(pack, source->has_print);
        pack_u64(pack, source->print);
        pack_u64(pack, source->n_gaps);
        for (size_t i = 0; i < source->n_gaps; i++) {
            pack_u64(pack, source->gap[i].from);
            pack_u64(pack, source->gap[i].to);
        }
    }
}

/* False: the gaps are not below the mark. */
static bool unpack_gaps(struct source *source, struct unpack *unpack)
{
    source->has_print = unpack_u64(unpack) != 0;
    source->print = (uint32_t)unpack_u64(unpack);
    const uint64_t n = unpack_u64(unpack);
    for (uint64_t i = 0; i < n && !unpack->is_short; i++) {
        const uint64_t from = unpack_u64(unpack);
        const struct gap gap = {from, unpack_u64(unpack)};
        if (i == SOURCE_GAPS || gap.from >= gap.to || gap.to > source->next) {
            return false;
        }
        add_gap(source, gap);
    }
    return true;
}

static bool unpack_list(struct sources *sources, struct unpack *unpack, bool has_gaps)
{
    for (uint64_t n = unpack_u64(unpack); n > 0 && !unpack->is_short; n--) {
        const struct bytes name = unpack_bytes(unpack);
        if (name.data == NULL || sources->n == SOURCES_MAX) {
            return false;
        }
        char *text = xalloc(name.size + 1, 1);
        memcpy(text, name.data, name.size);
        struct source *source = sources_find(sources, text);
        free(text);
        source->next = unpack_u64(unpack);
        if (has_gaps && !unpack_gaps(source, unpack)) {
            return false;
        }
    }
    return !unpack->is_short;
}

bool sources_unpack(struct sources *sources, struct unpack *unpack)
{
    return unpack_list(sources, unpack, false) &&
           (unpack->left == 0 || unpack_list(sources, unpack, true));
}
