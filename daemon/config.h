/* SPDX-License-Identifier: MIT
 *
 * The configuration as the daemon uses it. One row per key in config_keys.c gives name,
 * type, range, default, unit, live or restart, and help; the same rows serve parsing,
 * --print-config, reload and the manual page mixd.yaml(5). */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "finding.h" /* struct place */
#include "format.h"
#include "layout.h"
#include "log.h"
#include "mix.h"

enum feed_type { FEED_PULL, FEED_SUB, FEED_RELIABLE };
enum feed_topic { TOPIC_NONE, TOPIC_FRAME, TOPIC_SPACE };
enum publish_scores { SCORES_OFF, SCORES_ALL, SCORES_OUTLIERS };

/* A list of strings, owned. */
struct strings {
    size_t n;
    char **item;
};

/* A list of numbers, owned. */
struct numbers {
    size_t n;
    double *item;
};

/* The family of a field as the file has it. */
struct family_item {
    char *field;
    enum mix_family family;
    struct place place; /* of the field's name */
};

/* The families of the fields: one for all, or a map of some. */
struct family_config {
    enum mix_family all;
    size_t n;                 /* of the map; 0: `all` */
    struct family_item *item; /* owned */
    enum mix_family *each;    /* D, owned; NULL: all gaussian */
};

struct feed_config {
    enum feed_type type;
    bool binds;               /* endpoints are bound, else connected */
    struct strings endpoints; /* as zeromq takes them; paths made absolute */
    struct strings subscribe; /* prefixes; one "" by default */
    enum feed_topic topic;
    const struct format *format; /* NULL: auto */
    unsigned queue;              /* messages a peer, high-water mark */
    size_t max_message;          /* bytes */
    size_t window;               /* bytes; 0 unless the feed is reliable, as below */
    unsigned max_sources;
};

struct stream_config {
    char *name;
    struct strings fields;  /* D names; "x0".."xD-1" where only `dimensions` is given */
    struct strings columns; /* as in the file; filled where absent */
    struct layout *layout;  /* columns with their roles */
    char *time, *weight, *key; /* column names; NULL: none */
    bool key_is_topic;         /* key: topic */
    unsigned max_keys;
    unsigned threads;     /* of its learners, its worker among them */
    double stale_after_s; /* 0: off */
    struct feed_config feed;
    struct family_config family;
    struct numbers resolution; /* D of them, or none: found */
    struct mix_options mix;    /* family, components, learn.*, missing, resolution */
    char *start_path;          /* start: model file, absolute; NULL: none */
    char *record_path;         /* record: folder, absolute; NULL: none */
    double publish_every_s;
    uint64_t publish_updates; /* 0: off */
    enum publish_scores publish_scores;
    struct place place;       /* of the name in the file */
    struct place *places; /* of the value of each row of config_keys; line 0: default */
};

struct config {
    char *path;       /* the file, absolute */
    char *state_path; /* absolute */
    struct strings publish_bind;
    char *control_bind;
    unsigned workers;
    double checkpoint_every_s;
    double history_keep_s; /* 0: off */
    enum log_level log_level;
    enum log_format log_format;
    size_t n_streams;
    struct stream_config *streams;
    struct place *places; /* as in a stream */
};

/* One finding: "FILE:LINE:COL: message", all of one pass in the order of the file. */
struct config_errors {
    size_t n;
    char **item;
};

/* Reads and checks a file. NULL on an error: *code is EX_CONFIG, EX_NOINPUT where there
 * is no such file or EX_NOPERM where it must not be read, and errors (owned by the
 * caller) hold every finding. Nothing is opened or created but the file itself.
 * state_override, NULL or the --state option, comes before the key and $STATE_DIRECTORY.
 */
struct config *config_read(const char *path, const char *state_override,
                           struct config_errors *errors, int *code);
/* The same for a text of at most 1 MiB, as if it were the file of that path. */
struct config *config_parse(const char *text, size_t length, const char *path,
                            const char *state_override, struct config_errors *errors);
void config_destroy(struct config **config);
void config_errors_clear(struct config_errors *errors);

/* Every key with its effective value, as a file that reads back to the same. */
void config_print(const struct config *config, FILE *out);

/* What a reload from one configuration to another would change: one line per key. */
struct config_change {
    char *path;      /* "streams.boiler.publish.every" */
    char *from, *to; /* values as printed; NULL: absent */
    bool is_live;    /* false: refused, a restart is needed */
    int line;        /* in the new file, 0 when the key is gone */
};
struct config_changes {
    size_t n;
    struct config_change *item;
};
struct config_changes config_compare(const struct config *from, const struct config *to);
void config_changes_clear(struct config_changes *changes);

/* The stream of that name, or NULL. */
const struct stream_config *config_find_stream(const struct config *config,
                                               const char *name);

/* Takes over the live values of another configuration of the same stream, except for
 * lists and texts, which would be shared. */
void config_adopt(struct stream_config *stream, const struct stream_config *from);

#endif
