/* SPDX-License-Identifier: MIT
 *
 * The values that a state is encoded as, and what they have in common: an envelope
 *
 *     offset  0  magic             which of the values it is
 *             8  version           3; older ones are read as well
 *            16  size              of all of it, in bytes
 *            24  options           fingerprint
 *            32  members
 *      size - 8  checksum          of everything before it
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "codec.h"
#include "learner.h"

/* A new one comes with golden files of the one before: tests/golden/README.md. */
#define ENCODE_VERSION 4
/* The first whose parts have a log; the pages of those before are as of its start. */
#define ENCODE_SINCE_LOG 3
#define ENCODE_MAGIC_SIZE 8
/* All of the state; all but the rows of the memory; a page of those; and what was written
 * to them lately. */
#define ENCODE_WHOLE "mixlearn"
#define ENCODE_HEAD "mixhead "
#define ENCODE_PAGE "mixpage "
#define ENCODE_LOG "mixlog  "
/* Those of before there was a log. */
#define ENCODE_OLD_HEAD "mixstate"
#define ENCODE_OLD_PAGE "mixrows "

/* Bytes around the members. */
#define ENCODE_FRAME (32 + 8)

/* The options that a state depends on, in one number. */
uint64_t encode_fingerprint(const struct mix_options *options);

/* Writes what is before the members, which have `size` bytes; and after them. */
void encode_open(struct codec *codec, const char *magic, size_t size,
                 const struct mix_options *options);
void encode_close(struct codec *codec);

/* Judges everything but the members, and leaves the codec before them. */
enum mix_err encode_enter(struct codec *codec, const char *magic,
                          const struct mix_options *options, const void *bytes,
                          size_t size);

/* Passes all members, or all but the rows of the memory. The learner is changed only by
 * reading. */
void encode_walk(struct codec *codec, struct mix_learner *learner, bool with_rows);
void encode_events(struct codec *codec, struct events *events);
/* Whether a learner that was read can be: a state that some rows lead to. */
enum mix_err encode_judge(const struct codec *codec, struct mix_learner *learner);

#endif
