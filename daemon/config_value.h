/* SPDX-License-Identifier: MIT
 *
 * The types of configuration values: how a value is read from a node of the file,
 * printed as YAML on one line, and released. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config_keys.h"
#include "config_tree.h"
#include "endpoint.h"
#include "finding.h"

/* An endpoint of the file, kept to find those that stand twice. */
struct endpoint_entry {
    char *text;         /* normal spelling, owned */
    struct place place; /* line 0: a default */
    const struct config_key *key;
    const void *base; /* the stream, if the key is of one */
    enum endpoint_use use;
    size_t order; /* of appearance */
};

struct endpoint_entries {
    size_t n, capacity;
    struct endpoint_entry *item;
};

/* What a value is read with. */
struct setting {
    const struct config_key *key;
    void *base;         /* the struct config or stream_config to write to */
    const char *folder; /* relative paths are relative to it */
    struct findings *findings;
    struct endpoint_entries *endpoints;
};

struct value_type {
    const char *name; /* "duration", for the manual page */
    /* Reads the node into the member, or adds findings and leaves the member absent. */
    void (*set)(const struct setting *setting, const struct node *node);
    /* False, and nothing printed, if the member is absent. */
    bool (*print)(const struct config_key *key, const void *base, FILE *out);
    /* Releases what the member owns; NULL if nothing. */
    void (*clear)(const struct config_key *key, void *base);
};

extern const struct value_type value_count;      /* whole number */
extern const struct value_type value_components; /* or a range of them, or auto */
extern const struct value_type value_real;       /* number */
extern const struct value_type value_numbers;    /* number or list of numbers */
extern const struct value_type value_duration;   /* seconds, with a unit */
extern const struct value_type value_retention;  /* the same, or off: 0 */
extern const struct value_type value_size;       /* bytes, with a unit */
extern const struct value_type value_choice;     /* one of the row's choices */
extern const struct value_type value_name;       /* name of a column */
extern const struct value_type value_names;      /* list of distinct names */
extern const struct value_type value_columns; /* the same with "-" any number of times */
extern const struct value_type value_dimensions; /* whole number that makes names */
extern const struct value_type value_key;        /* name of a column, or topic */
extern const struct value_type value_prefixes;   /* text or list of texts */
extern const struct value_type value_path;       /* made absolute */
extern const struct value_type value_format;     /* a row of format_table(), or auto */
extern const struct value_type value_bind;       /* endpoint that is bound */
extern const struct value_type value_binds;      /* or list of them */
extern const struct value_type value_family;     /* family, or map of field: family */
extern const struct value_type value_feed_bind, value_feed_connect;

/* K(D+1)(D+2)/2 <= MODEL_SIZE_MAX bounds the memory of a model; with D = 1 that leaves
 * so many components. */
#define MODEL_SIZE_MAX (1 << 20)
#define COMPONENTS_MAX (MODEL_SIZE_MAX / 3)

/* The value of a key as it is printed, owned by the caller; NULL if it is absent. */
char *config_key_value(const struct config_key *key, const void *base);

/* ---- For the types themselves -------------------------------------------- */

/* Where the value of a key is. */
void *value_member(const struct config_key *key, void *base);
const void *value_member_const(const struct config_key *key, const void *base);

/* Adds "KEY 'VALUE' PROBLEM: RIGHT"; right may be NULL. */
void value_refuse(const struct setting *setting, const struct node *node,
                  const char *problem, const char *right);
/* True for a scalar that is not one of YAML's ways to write no value at all. */
bool value_is_text(const struct node *node);
/* The items of a list; a scalar is its own item, so that one needs no brackets. */
const struct node *value_items(const struct node *node, size_t *n);
/* Refuses lists of too few or too many items. */
bool value_has_length(const struct setting *setting, const struct node *node, size_t n);
/* Whole numbers and choices are kept in members of 1, 4 or 8 bytes. */
void value_store_whole(const struct config_key *key, void *base, uint64_t number);
uint64_t value_load_whole(const struct config_key *key, const void *base);

#endif
