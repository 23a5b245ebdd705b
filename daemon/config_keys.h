/* SPDX-License-Identifier: MIT
 *
 * The table of configuration keys: one row says all there is to say about a key, for
 * reading, checking, printing and comparing. To add a key, add a member to struct
 * config or struct stream_config, a row here, and its lines in conf/mixd.yaml and
 * mixd.yaml(5); tests/unit/test_config_keys.c finds what was forgotten. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct value_type;

struct config_key {
    const char *path; /* "log.level"; "streams.*.learn.seed", * is any NAME */
    const struct value_type *type; /* how it is read, printed and released */
    size_t offset, size;           /* the member of struct config, or of struct
                                      stream_config for a key of a stream */
    const char *preset;         /* default, as in a file; NULL: absent, or found later */
    double min, max;            /* numbers: the range; lists: how many items */
    bool is_above;              /* min itself is outside the range */
    const char *const *choices; /* names of 0, 1, ...; ended by NULL */
    const char *unit;           /* of a number without one of its own; may be NULL */
    bool is_live;               /* a reload may change it */
    const char *help;           /* a sentence */
};

extern const struct config_key config_keys[];
extern const size_t config_keys_n;

/* The row of a path, the name of a stream written as *; NULL if there is none. */
const struct config_key *config_key_find(const char *path);
/* True if keys begin with that path and a dot. */
bool config_key_is_group(const char *path);
/* The path without "streams.*.". */
const char *config_key_name(const struct config_key *key);
bool config_key_is_of_stream(const struct config_key *key);

/* What the writer of an unknown key within a group ("", or "streams.*.feed.") may have
 * meant: the nearest key of the group, or a key of that name elsewhere. Written to
 * out, empty if nothing is near. */
void config_key_suggest(char *out, size_t size, const char *group, const char *key);

#endif
