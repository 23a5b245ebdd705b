/* SPDX-License-Identifier: MIT
 *
 * A YAML text as a tree of nodes with their places: the part of YAML that JSON has,
 * plus block style, plain scalars and comments. No anchors, aliases, tags, directives
 * or second documents. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "finding.h"

enum node_kind {
    NODE_BAD, /* something is wrong with it, and was said */
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAP
};

struct node {
    enum node_kind kind;
    struct place place;     /* where the value begins */
    char *key;              /* members of a map: the key, else NULL */
    struct place key_place; /* where the key begins */
    bool has_bad_key;       /* the key is "", and what is wrong with it was said */
    char *text;             /* scalar; no control characters within */
    bool is_plain;          /* scalar without quotes */
    size_t n, capacity;     /* items of a list, members of a map in their order */
    struct node *item;
};

/* Reads a text of length bytes. What is wrong goes to findings, with duplicate keys
 * among it; *is_whole is false if the text could not be read to its end. Takes linear
 * time whatever the text. The tree belongs to the caller; NODE_BAD without a document. */
struct node *config_tree_read(const char *text, size_t length, struct findings *findings,
                              bool *is_whole);
void config_tree_destroy(struct node **tree);

#endif
