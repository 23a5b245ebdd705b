/* SPDX-License-Identifier: MIT
 *
 * The state of a learner in parts:
 *
 *     0                  all but the rows of the memory
 *     1 .. P             pages of 64 rows, P for the capacity of the memory
 *     P + 1 .. P + L     the log: of the rows that were replaced last which they are, 64
 *                        to a part, written round and round
 *
 * During the warm-up the memory grows at its end, page by page. Afterwards it is a sample
 * of n0 of the n rows so far, of which a new row replaces one with probability n0 / n,
 * anywhere: at n = 2 n0 a hundred new rows are in about fifty pages. So a row that is
 * replaced goes to the log, and each page is due once in a cycle of 32 P replaced rows,
 * in turn; the log covers a cycle. Read, a row of the log counts where it is younger than
 * its page. What changes with n replaced rows is then n rows in the log and n / 32 pages,
 * at most twice as many bytes a row as at best, and the log is at most half as long as
 * the rows. (The segments and the cleaning of M. Rosenblum and J. K. Ousterhout, The
 * design and implementation of a log-structured file system, ACM TOCS 10 (1992) 26-52,
 * with the cleaning by the clock.) */
#include <stdlib.h>
#include <string.h>

#include "encode.h"

/* ---- Which part is what ---------------------------------------------------- */

static size_t log_parts(const struct points *memory)
{
    return points_log_size(memory) / PAGE_POINTS;
}

static size_t count_parts(const struct points *memory)
{
    return 1 + points_pages_max(memory) + log_parts(memory);
}

static bool is_page(const struct points *memory, size_t part)
{
    return part >= 1 && part <= points_pages_max(memory);
}

/* Numbers first + 1 .. first + n of replaced rows. */
struct stretch {
    uint64_t first, n;
};

/* What a part of the log has: the last numbers that come to it. */
static struct stretch log_stretch(const struct points *memory, size_t part)
{
    const uint64_t replaced = points_mark(memory).replaced;
    const uint64_t turn = log_parts(memory);
    const uint64_t r = part - 1 - points_pages_max(memory);
    if (replaced <= r * PAGE_POINTS) {
        return (struct stretch){0, 0};
    }
    const uint64_t last = (replaced - 1) / PAGE_POINTS; /* the part being written */
    const uint64_t j = last - (last + turn - r) % turn;
    const uint64_t end = (j + 1) * PAGE_POINTS;
    return (struct stretch){j * PAGE_POINTS,
                            (end < replaced ? end : replaced) - j * PAGE_POINTS};
}

/* Whether the page was due after `since` replaced rows, up to `now` of them. */
static bool page_is_due(const struct points *memory, size_t page, uint64_t since,
                        uint64_t now)
{
    const uint64_t cycle = points_log_size(memory) - PAGE_POINTS;
    const uint64_t offset = page * cycle / points_pages_max(memory);
    return (now + cycle - offset) / cycle > (since + cycle - offset) / cycle;
}

/* ---- Writing ------------------------------------------------------------- */

static size_t page_rows(const struct points *memory, size_t page)
{
    const size_t left = points_count(memory) - page * PAGE_POINTS;
    return left < PAGE_POINTS ? left : PAGE_POINTS;
}

static void walk_page(struct codec *codec, struct points *memory, uint64_t page)
{
    uint64_t replaced = points_mark(memory).replaced;
    codec_u64(codec, &page);
    codec_u64(codec, &replaced);
    codec_some_points(codec, memory, page * PAGE_POINTS, page_rows(memory, page));
}

/* Each row as it is now, which may be later than when it was logged: then it is in the
 * log once more. Rows of before the memory was emptied may be there no longer. */
static void walk_log(struct codec *codec, struct points *memory, struct stretch stretch)
{
    codec_u64(codec, &stretch.first);
    codec_u64(codec, &stretch.n);
    for (uint64_t c = stretch.first + 1; c <= stretch.first + stretch.n; c++) {
        uint64_t i = points_logged(memory, c);
        codec_u64(codec, &i);
        codec_some_points(codec, memory, i, i < points_count(memory) ? 1 : 0);
    }
}

/* Passes the members of a part that is written or measured. */
static void walk_part(struct codec *codec, const struct mix_learner *learner, size_t part)
{
    struct mix_learner view = *learner; /* is only looked at, and shares the arrays */
    if (part == 0) {
        encode_walk(codec, &view, false);
    } else if (is_page(learner->memory, part)) {
        walk_page(codec, view.memory, part - 1);
    } else {
        walk_log(codec, view.memory, log_stretch(learner->memory, part));
    }
}

static bool is_empty(const struct points *memory, size_t part)
{
    return part > 0 && (is_page(memory, part) ? part > points_pages(memory)
                                              : log_stretch(memory, part).n == 0);
}

size_t mix_parts(const struct mix_options *options)
{
    if (options->components_max > options->components) {
        return 1; /* the whole state of all candidates */
    }
    const size_t rows = learner_memory_rows(options);
    return 1 + (rows + PAGE_POINTS - 1) / PAGE_POINTS +
           points_log_room(rows) / PAGE_POINTS;
}

struct mix_mark mix_learner_mark(const struct mix_learner *learner)
{
    return learner->selection != NULL ? (struct mix_mark){0}
                                      : points_mark(learner->memory);
}

bool mix_learner_part_changed(const struct mix_learner *learner, size_t part,
                              struct mix_mark since)
{
    const struct points *memory = learner->memory;
    if (part == 0) {
        return true;
    }
    const uint64_t replaced = points_mark(memory).replaced;
    if (is_page(memory, part)) {
        return points_page_added(memory, part - 1) > since.added ||
               (part <= points_pages(memory) &&
                page_is_due(memory, part - 1, since.replaced, replaced));
    }
    const struct stretch stretch = log_stretch(memory, part);
    return stretch.first + stretch.n > since.replaced;
}

size_t mix_learner_part_size(const struct mix_learner *learner, size_t part)
{
    struct codec codec = {.mode = CODEC_MEASURE};
    if (is_empty(learner->memory, part)) {
        return 0;
    }
    walk_part(&codec, learner, part);
    return ENCODE_FRAME + codec.at;
}

void mix_learner_encode_part(const struct mix_learner *learner, size_t part, void *bytes)
{
    struct codec codec = {.mode = CODEC_WRITE, .out = bytes};
    const size_t size = mix_learner_part_size(learner, part) - ENCODE_FRAME;
    encode_open(&codec,
                part == 0                        ? ENCODE_HEAD
                : is_page(learner->memory, part) ? ENCODE_PAGE
                                                 : ENCODE_LOG,
                size, &learner->options);
    walk_part(&codec, learner, part);
    encode_close(&codec);
}

/* ---- Reading ------------------------------------------------------------- */

/* The rows on their way in. */
struct intake {
    struct mix_learner *learner;
    const struct mix_part *part;
    uint64_t *stamp;     /* a page: rows replaced when it was encoded */
    struct stretch *log; /* a part of the log: what it has */
    size_t *order;       /* parts of the log that are there, by their numbers */
    size_t n_order;
    struct points *row; /* scratch */
};

/* Enters a part that is called magic, or older by those that had no log. */
static enum mix_err enter_part(struct codec *codec, const char *magic, const char *older,
                               const struct mix_options *options,
                               const struct mix_part *part)
{
    const bool is_old = part->size >= ENCODE_MAGIC_SIZE &&
                        memcmp(part->bytes, older, ENCODE_MAGIC_SIZE) == 0;
    const enum mix_err err =
        encode_enter(codec, is_old ? older : magic, options, part->bytes, part->size);
    return err == MIX_OK && is_old != (codec->version < ENCODE_SINCE_LOG) ? MIX_ECORRUPT
                                                                          : err;
}

/* Every page but the last is full, so the number of rows tells whether all came. */
static enum mix_err read_page(struct intake *intake, size_t page)
{
    struct points *memory = intake->learner->memory;
    const struct mix_part *part = &intake->part[1 + page];
    struct codec codec;
    uint64_t number;
    const enum mix_err err =
        enter_part(&codec, ENCODE_PAGE, ENCODE_OLD_PAGE, &intake->learner->options, part);
    if (err != MIX_OK) {
        return err;
    }
    codec_u64(&codec, &number);
    if (codec.version >= ENCODE_SINCE_LOG) {
        codec_u64(&codec, &intake->stamp[page]);
    }
    if (number != page || points_count(memory) != page * PAGE_POINTS) {
        return MIX_ECORRUPT;
    }
    codec_some_points(&codec, memory, page * PAGE_POINTS, PAGE_POINTS);
    return codec.has_failed || codec.at != codec.size ? MIX_ECORRUPT : MIX_OK;
}

/* Enters part r of the log: which numbers it has. */
static enum mix_err enter_log(const struct intake *intake, size_t r, struct codec *codec,
                              struct stretch *stretch)
{
    const struct points *memory = intake->learner->memory;
    const struct mix_part *part = &intake->part[1 + points_pages_max(memory) + r];
    const enum mix_err err = encode_enter(codec, ENCODE_LOG, &intake->learner->options,
                                          part->bytes, part->size);
    if (err != MIX_OK) {
        return err;
    }
    codec_u64(codec, &stretch->first);
    codec_u64(codec, &stretch->n);
    return stretch->n >= 1 && stretch->n <= PAGE_POINTS &&
                   stretch->first % PAGE_POINTS == 0 &&
                   stretch->first / PAGE_POINTS % log_parts(memory) == r
               ? MIX_OK
               : MIX_ECORRUPT;
}

/* The rows of a part of the log, those that are younger than their page. */
static enum mix_err read_log(const struct intake *intake, size_t r)
{
    struct points *memory = intake->learner->memory;
    struct codec codec;
    struct stretch stretch;
    const enum mix_err err = enter_log(intake, r, &codec, &stretch);
    double x[MIX_DIMENSIONS_MAX], weight, time;
    for (uint64_t c = stretch.first + 1;
         err == MIX_OK && c <= stretch.first + stretch.n && !codec.has_failed; c++) {
        uint64_t i;
        codec_u64(&codec, &i);
        points_clear(intake->row);
        codec_some_points(&codec, intake->row, 0, 1);
        codec.has_failed = codec.has_failed || i >= points_capacity(memory);
        if (!codec.has_failed && i < points_count(memory) &&
            points_count(intake->row) == 1 && c > intake->stamp[i / PAGE_POINTS]) {
            points_get(intake->row, 0, x, &weight, &time);
            points_set(memory, i, x, weight, time);
        } else if (!codec.has_failed) {
            points_log(memory, i);
        }
    }
    return err != MIX_OK                                ? err
           : codec.has_failed || codec.at != codec.size ? MIX_ECORRUPT
                                                        : MIX_OK;
}

/* Parts of the log in the order of their numbers, which must follow one another. */
static enum mix_err order_log(struct intake *intake)
{
    const struct points *memory = intake->learner->memory;
    const size_t turn = log_parts(memory), pages = points_pages_max(memory);
    size_t oldest = turn;
    for (size_t r = 0; r < turn; r++) {
        struct codec codec;
        if (intake->part[1 + pages + r].size == 0) {
            continue;
        }
        const enum mix_err err = enter_log(intake, r, &codec, &intake->log[r]);
        if (err != MIX_OK) {
            return err;
        }
        intake->n_order++;
        if (oldest == turn || intake->log[r].first < intake->log[oldest].first) {
            oldest = r;
        }
    }
    for (size_t k = 0; k < intake->n_order; k++) {
        const struct stretch *stretch = &intake->log[(oldest + k) % turn];
        const bool is_last = k + 1 == intake->n_order;
        if (stretch->first != intake->log[oldest].first + k * PAGE_POINTS ||
            stretch->n == 0 || (!is_last && stretch->n != PAGE_POINTS)) {
            return MIX_ECORRUPT;
        }
        intake->order[k] = (oldest + k) % turn;
    }
    return MIX_OK;
}

/* A page must be no younger than the state, and the log has all that came after it. */
static bool stamps_are_covered(const struct intake *intake)
{
    const struct points *memory = intake->learner->memory;
    const uint64_t end = points_mark(memory).replaced;
    const uint64_t first =
        intake->n_order > 0 ? intake->log[intake->order[0]].first : end;
    for (size_t page = 0; page < points_pages(memory); page++) {
        if (intake->stamp[page] < first || intake->stamp[page] > end) {
            return false;
        }
    }
    return true;
}

static enum mix_err read_rows(struct intake *intake)
{
    struct points *memory = intake->learner->memory;
    enum mix_err err = MIX_OK;
    for (size_t page = 0; page < points_pages_max(memory) && err == MIX_OK; page++) {
        if (intake->part[1 + page].size > 0) {
            err = read_page(intake, page);
        }
    }
    if (err == MIX_OK) {
        err = order_log(intake);
    }
    if (err == MIX_OK && intake->n_order > 0) {
        points_resume(memory, intake->log[intake->order[0]].first);
    }
    for (size_t k = 0; k < intake->n_order && err == MIX_OK; k++) {
        err = read_log(intake, intake->order[k]);
    }
    return err == MIX_OK && !stamps_are_covered(intake) ? MIX_ECORRUPT : err;
}

static enum mix_err take_rows(struct mix_learner *learner, const struct mix_part *parts)
{
    const size_t turn = log_parts(learner->memory);
    struct intake intake = {
        .learner = learner,
        .part = parts,
        .stamp = calloc(points_pages_max(learner->memory) + 1, sizeof(uint64_t)),
        .log = calloc(turn, sizeof(struct stretch)),
        .order = calloc(turn, sizeof(size_t)),
        .row = points_new(points_dimensions(learner->memory), 1),
    };
    const enum mix_err err = intake.stamp == NULL || intake.log == NULL ||
                                     intake.order == NULL || intake.row == NULL
                                 ? MIX_ENOMEM
                                 : read_rows(&intake);
    points_destroy(&intake.row);
    free(intake.order);
    free(intake.log);
    free(intake.stamp);
    return err;
}

static bool is_whole(const struct mix_part *parts, size_t n)
{
    bool is_alone = n > 0 && parts[0].size >= ENCODE_MAGIC_SIZE &&
                    memcmp(parts[0].bytes, ENCODE_WHOLE, ENCODE_MAGIC_SIZE) == 0;
    for (size_t i = 1; i < n && is_alone; i++) {
        is_alone = parts[i].size == 0;
    }
    return is_alone;
}

static size_t expected_parts(const struct mix_learner *learner)
{
    return learner->selection != NULL ? 1 : count_parts(learner->memory);
}

static enum mix_err read_parts(struct mix_learner *learner, const struct mix_part *parts,
                               size_t n)
{
    const bool with_rows = is_whole(parts, n);
    struct codec codec;
    if (n == 0 || (!with_rows && n != expected_parts(learner))) {
        return MIX_ECORRUPT;
    }
    enum mix_err err = with_rows ? encode_enter(&codec, ENCODE_WHOLE, &learner->options,
                                                parts[0].bytes, parts[0].size)
                                 : enter_part(&codec, ENCODE_HEAD, ENCODE_OLD_HEAD,
                                              &learner->options, &parts[0]);
    if (err == MIX_OK && !with_rows && learner->selection == NULL) {
        err = take_rows(learner, parts);
    }
    if (err != MIX_OK) {
        return err;
    }
    encode_walk(&codec, learner, with_rows);
    return encode_judge(&codec, learner);
}

/* A state may be of a learner that was not compact, or have rows of a queue. */
static void settle(struct mix_learner *learner)
{
    struct selection *selection = learner->selection;
    for (size_t c = 0; selection != NULL && c < selection->n; c++) {
        settle(selection->candidate[c]);
    }
    if (selection != NULL) {
        return;
    }
    if (learner->is_warm && !learner_samples(learner)) {
        reservoir_clear(&learner->reservoir);
    }
    queue_refill(learner);
}

struct mix_learner *mix_learner_decode_parts(const struct mix_options *options,
                                             const struct mix_part *parts, size_t n,
                                             enum mix_err *err)
{
    enum mix_err local;
    err = err == NULL ? &local : err;
    struct mix_learner *learner = mix_learner_new(options, err);
    if (learner == NULL) {
        return NULL;
    }
    *err = learner_reserve(learner, NULL) ? read_parts(learner, parts, n) : MIX_ENOMEM;
    if (*err != MIX_OK) {
        mix_learner_destroy(&learner);
        return NULL;
    }
    settle(learner);
    learner_release(learner);
    return learner;
}

struct mix_learner *mix_learner_decode(const struct mix_options *options,
                                       const void *bytes, size_t size, enum mix_err *err)
{
    const struct mix_part whole = {bytes, size};
    enum mix_err local;
    err = err == NULL ? &local : err;
    if (!is_whole(&whole, 1)) {
        *err = mix_options_check(options, NULL) == MIX_OK ? MIX_ECORRUPT : MIX_EOPTION;
        return NULL;
    }
    return mix_learner_decode_parts(options, &whole, 1, err);
}
