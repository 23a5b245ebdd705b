/* SPDX-License-Identifier: MIT */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

struct roster {
    struct roster_row **row; /* sorted by name */
    size_t n, room;          /* rows there are, rows there is memory for */
    size_t max;              /* rows that roster_add() goes up to */
    uint64_t generation;     /* that made the durable marks; 0: loaded */
};

struct roster *roster_new(size_t max)
{
    struct roster *roster = xalloc(1, sizeof(*roster));
    roster->max = max;
    return roster;
}

void roster_destroy(struct roster **roster)
{
    if (*roster == NULL) {
        return;
    }
    for (size_t i = 0; i < (*roster)->n; i++) {
        free((*roster)->row[i]);
    }
    free((*roster)->row);
    free(*roster);
    *roster = NULL;
}

/* ---- Rows ------------------------------------------------------------------ */

size_t roster_count(const struct roster *roster)
{
    return roster->n;
}

struct roster_row *roster_at(const struct roster *roster, size_t i)
{
    return roster->row[i];
}

/* The place of the first name that is not before this one. */
static size_t place_of(const struct roster *roster, const char *name)
{
    size_t low = 0;
    size_t high = roster->n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (strcmp(roster->row[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct roster_row *roster_find(const struct roster *roster, const char *name)
{
    const size_t i = place_of(roster, name);
    return i < roster->n && strcmp(roster->row[i]->name, name) == 0 ? roster->row[i]
                                                                    : NULL;
}

static void take_out(struct roster *roster, size_t i)
{
    free(roster->row[i]);
    roster->n--;
    memmove(roster->row + i, roster->row + i + 1,
            (roster->n - i) * sizeof(roster->row[0]));
}

/* False: every row is in use. */
static bool make_room(struct roster *roster)
{
    for (size_t i = roster->n; i > 0 && roster->n >= roster->max; i--) {
        if (roster->row[i - 1]->is_forgotten) {
            take_out(roster, i - 1);
        }
    }
    return roster->n < roster->max;
}

static struct roster_row *insert_row(struct roster *roster, const char *name)
{
    enum { ROWS_FIRST = 16 };
    if (roster->n == roster->room) {
        roster->room = roster->room > 0 ? 2 * roster->room : ROWS_FIRST;
        roster->row = xrealloc(roster->row, roster->room, sizeof(roster->row[0]));
    }
    const size_t i = place_of(roster, name);
    struct roster_row *row = xalloc(1, sizeof(*row));
    memcpy(row->name, name, strnlen(name, RELIABLE_SOURCE_MAX));
    memmove(roster->row + i + 1, roster->row + i,
            (roster->n - i) * sizeof(roster->row[0]));
    roster->row[i] = row;
    roster->n++;
    return row;
}

struct roster_row *roster_add(struct roster *roster, const char *name)
{
    return make_room(roster) ? insert_row(roster, name) : NULL;
}

/* ---- Checkpoints ----------------------------------------------------------- */

void roster_capture(struct roster *roster)
{
    for (size_t i = 0; i < roster->n; i++) {
        roster->row[i]->captured = roster->row[i]->applied;
    }
}

void roster_settle(struct roster *roster, const struct settlement *settlement)
{
    /* What was durable before is in the older file, if that one is the generation that
     * made it durable, or a later one. */
    const bool is_kept = settlement->safe > 0 && settlement->safe >= roster->generation;
    for (size_t i = 0; i < roster->n; i++) {
        struct roster_row *row = roster->row[i];
        row->safe = settlement->is_settled ? row->captured
                    : is_kept              ? row->durable
                                           : row->safe;
        row->durable = row->captured;
    }
    roster->generation = settlement->generation;
}

void roster_pack(const struct roster *roster, struct pack *pack)
{
    pack_u64(pack, roster->n);
    for (size_t i = 0; i < roster->n; i++) {
        const struct roster_row *row = roster->row[i];
        pack_text(pack, row->name);
        pack_u64(pack, row->incarnation);
        pack_u64(pack, row->applied);
        pack_u64(pack, row->safe);
        pack_u64(pack, row->missing);
        pack_u64(pack, row->received);
        pack_u64(pack, row->rejected);
        pack_u64(pack, row->duplicate);
        pack_u64(pack, row->lost);
        pack_f64(pack, row->last_s);
        pack_u64(pack, row->is_forgotten);
    }
}

/* What was captured is durable now. `safe` is as of then: the other file may be lost. */
static void unpack_row(struct roster_row *row, struct unpack *unpack)
{
    row->incarnation = unpack_u64(unpack);
    row->applied = row->durable = row->captured = unpack_u64(unpack);
    row->safe = unpack_u64(unpack);
    row->missing = unpack_u64(unpack);
    row->received = unpack_u64(unpack);
    row->rejected = unpack_u64(unpack);
    row->duplicate = unpack_u64(unpack);
    row->lost = unpack_u64(unpack);
    row->last_s = unpack_f64(unpack);
    row->is_forgotten = unpack_u64(unpack) != 0;
}

static bool row_is_sound(const struct roster_row *row)
{
    return row->safe <= row->applied && row->applied <= RELIABLE_SEQ_MAX &&
           row->missing <= RELIABLE_SEQ_MAX - row->applied &&
           row->duplicate <= row->received &&
           row->rejected <= row->received - row->duplicate;
}

bool roster_unpack(struct roster *roster, struct unpack *unpack)
{
    for (uint64_t n = unpack_u64(unpack); n > 0 && !unpack->is_short; n--) {
        const struct bytes name = unpack_bytes(unpack);
        char text[RELIABLE_SOURCE_MAX + 1] = "";
        if (!reliable_source_is_valid(name.data, name.size)) {
            return false;
        }
        memcpy(text, name.data, name.size);
        struct roster_row *row =
            roster_find(roster, text) == NULL ? insert_row(roster, text) : NULL;
        if (row == NULL) {
            return false;
        }
        unpack_row(row, unpack);
        if (!row_is_sound(row)) {
            return false;
        }
    }
    return !unpack->is_short;
}
