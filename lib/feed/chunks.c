/* SPDX-License-Identifier: MIT
 *
 * A list of chunks of rows, oldest first. Rows are copied into one once and then stay
 * where they are: messages to be sent point at them, and hold their chunk until ZeroMQ
 * has let go of it, in a thread of its own.
 *
 *     oldest                    newest
 *     [3..90] -> [91..178] -> [179..200|room]       spare: [ ] -> [ ]
 *
 * A chunk that was trimmed becomes a spare one, unless it is held: then it goes with its
 * last message. Rows of one call are not divided between chunks where little is wasted by
 * that, so a message is as large as the caller made it. */
#include "chunks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Bytes of a chunk: as many as all before it have. */
#define CHUNK_BYTES_MIN ((size_t)1 << 14)
#define CHUNK_BYTES_MAX ((size_t)1 << 20)
/* What a chunk begins with; no page is smaller. */
#define PAGE_BYTES ((size_t)1 << 12)
/* The share of a chunk that may be wasted. */
#define WASTE 8

struct chunk {
    struct chunk *next;
    atomic_size_t holders; /* the backlog, and messages */
    size_t capacity;       /* rows */
    uint64_t first;
    size_t n; /* rows */
    unsigned char rows[];
};

struct chunks {
    struct backlog backlog;
    size_t bytes; /* of all chunks that were ever made */
    struct chunk *oldest, *newest, *spare;
    struct chunk *last_read; /* where the next rows are looked for first, or NULL */
};

/* ---- Chunks -------------------------------------------------------------- */

static void hold(void *holder)
{
    struct chunk *chunk = holder;
    atomic_fetch_add_explicit(&chunk->holders, 1, memory_order_relaxed);
}

/* Of any thread; what was read of the chunk there comes before it is used again. */
static void release(void *rows, void *holder)
{
    struct chunk *chunk = holder;
    (void)rows;
    if (atomic_fetch_sub_explicit(&chunk->holders, 1, memory_order_acq_rel) == 1) {
        free(chunk);
    }
}

static void free_list(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        release(NULL, chunk);
        chunk = next;
    }
}

static struct chunk *chunk_new(struct chunks *chunks)
{
    const size_t row_size = chunks->backlog.row_size;
    const size_t least = sizeof(struct chunk) + row_size; /* one row, however large */
    size_t bytes = CHUNK_BYTES_MIN;
    while (bytes < least || (bytes < CHUNK_BYTES_MAX && bytes < chunks->bytes)) {
        bytes *= 2;
    }
    struct chunk *chunk = aligned_alloc(PAGE_BYTES, bytes);
    if (chunk == NULL) {
        return NULL;
    }
#ifdef MADV_POPULATE_WRITE
    if (bytes >= CHUNK_BYTES_MAX) {
        madvise(chunk, bytes, MADV_POPULATE_WRITE); /* else a fault for each page */
    }
#endif
    atomic_init(&chunk->holders, 1);
    chunk->capacity = (bytes - sizeof(*chunk)) / row_size;
    chunks->bytes += bytes;
    return chunk;
}

/* Makes sure that n rows more fit, whatever is wasted. */
static bool reserve(struct chunks *chunks, size_t n)
{
    size_t room = 0;
    for (const struct chunk *spare = chunks->spare; spare != NULL && room < n;
         spare = spare->next) {
        room += spare->capacity;
    }
    while (room < n) {
        struct chunk *chunk = chunk_new(chunks);
        if (chunk == NULL) {
            return false;
        }
        chunk->next = chunks->spare;
        chunks->spare = chunk;
        room += chunk->capacity;
    }
    return true;
}

static void add_chunk(struct chunks *chunks, uint64_t first)
{
    struct chunk *chunk = chunks->spare;
    chunks->spare = chunk->next;
    chunk->next = NULL;
    chunk->first = first;
    chunk->n = 0;
    if (chunks->newest != NULL) {
        chunks->newest->next = chunk;
    } else {
        chunks->oldest = chunk;
    }
    chunks->newest = chunk;
}

static void take_oldest(struct chunks *chunks)
{
    struct chunk *chunk = chunks->oldest;
    chunks->oldest = chunk->next;
    if (chunks->newest == chunk) {
        chunks->newest = NULL;
    }
    if (chunks->last_read == chunk) {
        chunks->last_read = NULL;
    }
    if (atomic_load_explicit(&chunk->holders, memory_order_acquire) == 1) {
        chunk->next = chunks->spare;
        chunks->spare = chunk;
    } else {
        release(NULL, chunk);
    }
}

/* ---- The backlog --------------------------------------------------------- */

/* Rows of n that go into the newest chunk; 0: it takes none. */
static size_t room_for(const struct chunks *chunks, size_t n)
{
    const struct chunk *chunk = chunks->newest;
    if (chunk == NULL) {
        return 0;
    }
    const size_t room = chunk->capacity - chunk->n;
    return n <= room ? n : room > chunk->capacity / WASTE ? room : 0;
}

static enum mixfeed_err append(struct backlog *backlog, const void *rows, size_t n,
                               struct mixfeed_failure *failure)
{
    struct chunks *chunks = (struct chunks *)backlog;
    const unsigned char *from = rows;
    if (room_for(chunks, n) < n && !reserve(chunks, n)) {
        return failure_fill(failure, MIXFEED_ENOMEM, "out of memory for %zu points", n);
    }
    while (n > 0) {
        size_t taken = room_for(chunks, n);
        if (taken == 0) {
            add_chunk(chunks, backlog->newest + 1);
            taken = n < chunks->newest->capacity ? n : chunks->newest->capacity;
        }
        struct chunk *chunk = chunks->newest;
        memcpy(chunk->rows + chunk->n * backlog->row_size, from,
               taken * backlog->row_size);
        chunk->n += taken;
        backlog->newest += taken;
        from += taken * backlog->row_size;
        n -= taken;
    }
    return MIXFEED_OK;
}

static bool has_row(const struct chunk *chunk, uint64_t seq)
{
    return chunk != NULL && seq >= chunk->first && seq - chunk->first < chunk->n;
}

static struct chunk *find(const struct chunks *chunks, uint64_t seq)
{
    struct chunk *chunk = chunks->last_read;
    if (chunk == NULL || seq < chunk->first) {
        chunk = chunks->oldest;
    }
    while (!has_row(chunk, seq)) {
        chunk = chunk->next;
    }
    return chunk;
}

static enum mixfeed_err read_rows(struct backlog *backlog, uint64_t seq, size_t n,
                                  void *buffer, struct portion *portion,
                                  struct mixfeed_failure *failure)
{
    struct chunks *chunks = (struct chunks *)backlog;
    (void)buffer;
    (void)failure;
    struct chunk *chunk = find(chunks, seq);
    const size_t skipped = (size_t)(seq - chunk->first);
    const size_t left = chunk->n - skipped;
    chunks->last_read = chunk;
    *portion = (struct portion){
        .rows = chunk->rows + skipped * backlog->row_size,
        .n = n < left ? n : left,
        .holder = chunk,
        .hold = hold,
        .release = release,
    };
    return MIXFEED_OK;
}

static void trim(struct backlog *backlog, uint64_t safe)
{
    struct chunks *chunks = (struct chunks *)backlog;
    backlog->trimmed = safe > backlog->trimmed ? safe : backlog->trimmed;
    while (chunks->oldest != NULL &&
           chunks->oldest->first + chunks->oldest->n - 1 <= backlog->trimmed) {
        take_oldest(chunks);
    }
}

static void destroy(struct backlog *backlog)
{
    struct chunks *chunks = (struct chunks *)backlog;
    free_list(chunks->oldest);
    free_list(chunks->spare);
    free(chunks);
}

struct backlog *chunks_new(size_t columns)
{
    static const struct backlog_kind kind = {append, read_rows, trim, destroy};
    struct chunks *chunks = calloc(1, sizeof(*chunks));
    if (chunks == NULL) {
        return NULL;
    }
    chunks->backlog = (struct backlog){
        .kind = &kind,
        .row_size = columns * sizeof(double),
        .incarnation = backlog_incarnation(),
    };
    if (chunks->backlog.incarnation == 0) {
        free(chunks);
        return NULL;
    }
    return &chunks->backlog;
}
