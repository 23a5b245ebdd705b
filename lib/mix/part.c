/* SPDX-License-Identifier: MIT
 *
 * The state of a learner in parts: a head that changes with every row, and the rows of
 * the memory in pages. During the warm-up the memory grows at its end; afterwards it is
 * a sample of n0 of the n rows so far, of which a new row replaces one with probability
 * n0 / n, so ever fewer pages change. */
#include <string.h>

#include "encode.h"

/* ---- Writing ------------------------------------------------------------- */

static size_t page_rows(const struct points *memory, size_t page)
{
    const size_t left = points_count(memory) - page * PAGE_POINTS;
    return left < PAGE_POINTS ? left : PAGE_POINTS;
}

/* Passes the members of a part that is written or measured. */
static void walk_part(struct codec *codec, const struct mix_learner *learner, size_t part)
{
    uint64_t page = part - 1;
    if (part == 0) {
        struct mix_learner view = *learner; /* is only looked at, and shares the arrays */
        encode_walk(codec, &view, false);
        return;
    }
    codec_u64(codec, &page);
    codec_some_points(codec, learner->memory, page * PAGE_POINTS,
                      page_rows(learner->memory, page));
}

size_t mix_learner_parts(const struct mix_learner *learner)
{
    return 1 + points_pages(learner->memory);
}

uint64_t mix_learner_changes(const struct mix_learner *learner)
{
    return points_changes(learner->memory);
}

bool mix_learner_part_changed(const struct mix_learner *learner, size_t part,
                              uint64_t since)
{
    return part == 0 || points_page_changed(learner->memory, part - 1) > since;
}

size_t mix_learner_part_size(const struct mix_learner *learner, size_t part)
{
    struct codec codec = {.mode = CODEC_MEASURE};
    walk_part(&codec, learner, part);
    return ENCODE_FRAME + codec.at;
}

void mix_learner_encode_part(const struct mix_learner *learner, size_t part, void *bytes)
{
    struct codec codec = {.mode = CODEC_WRITE, .out = bytes};
    const size_t size = mix_learner_part_size(learner, part) - ENCODE_FRAME;
    encode_open(&codec, part == 0 ? ENCODE_HEAD : ENCODE_PAGE, size, &learner->options);
    walk_part(&codec, learner, part);
    encode_close(&codec);
}

/* ---- Reading ------------------------------------------------------------- */

/* Every page but the last is full, so the number of rows tells whether all came. */
static enum mix_err read_page(struct mix_learner *learner, const struct mix_part *part,
                              size_t page)
{
    struct codec codec;
    uint64_t number;
    enum mix_err err =
        encode_enter(&codec, ENCODE_PAGE, &learner->options, part->bytes, part->size);
    if (err != MIX_OK) {
        return err;
    }
    codec_u64(&codec, &number);
    if (number != page || points_count(learner->memory) != page * PAGE_POINTS) {
        return MIX_ECORRUPT;
    }
    codec_some_points(&codec, learner->memory, page * PAGE_POINTS, PAGE_POINTS);
    return codec.has_failed || codec.at != codec.size ? MIX_ECORRUPT : MIX_OK;
}

static bool is_whole(const struct mix_part *parts, size_t n)
{
    return n == 1 && parts[0].size >= ENCODE_MAGIC_SIZE &&
           memcmp(parts[0].bytes, ENCODE_WHOLE, ENCODE_MAGIC_SIZE) == 0;
}

static enum mix_err read_parts(struct mix_learner *learner, const struct mix_part *parts,
                               size_t n)
{
    const bool with_rows = is_whole(parts, n);
    struct codec codec;
    enum mix_err err =
        n == 0 ? MIX_ECORRUPT
               : encode_enter(&codec, with_rows ? ENCODE_WHOLE : ENCODE_HEAD,
                              &learner->options, parts[0].bytes, parts[0].size);
    for (size_t i = 1; i < n && err == MIX_OK; i++) {
        err = read_page(learner, &parts[i], i - 1);
    }
    if (err != MIX_OK) {
        return err;
    }
    encode_walk(&codec, learner, with_rows);
    return encode_judge(&codec, learner);
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
    *err = read_parts(learner, parts, n);
    if (*err != MIX_OK) {
        mix_learner_destroy(&learner);
    }
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
