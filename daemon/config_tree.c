/* SPDX-License-Identifier: MIT
 *
 * A YAML text as a tree, from libyaml's events. The events are used, and not its
 * documents, because they come as the text is read: nesting, anchors and aliases are
 * refused before they cost anything. */
#include "config_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "log.h"
#include "utf8.h"
#include "xalloc.h"

/* Deeper than any configuration. libyaml needs time by the square of the depth: 11 s
 * for 80 kB of "[". */
#define DEPTH_MAX 16

/* Room for an excerpt of the text in a message. */
#define EXCERPT_SIZE 64

struct builder {
    yaml_parser_t parser;
    const char *text;
    size_t length;
    struct findings *findings;
    struct node *root;
    struct node *open[DEPTH_MAX]; /* lists and maps that have begun, the innermost last */
    size_t depth;
    size_t n_documents;
    bool is_done; /* nothing more is read */
    bool is_whole;
};

static struct place place_of(const yaml_mark_t *mark)
{
    return (struct place){(int)mark->line + 1, (int)mark->column + 1};
}

/* ---- Before libyaml ------------------------------------------------------ */

/* Looks at every byte: what libyaml would refuse without a place, and directives, for
 * which it needs time by the square of their number. */
static bool check_bytes(const char *text, size_t length, struct findings *findings)
{
    struct place place = {1, 1};
    if (length >= 2 &&
        (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        findings_add(findings, place, "the file is UTF-16: write it as UTF-8");
        return false;
    }
    for (size_t i = 0; i < length;) {
        const size_t size = utf8_size(text + i, length - i);
        const unsigned char byte = (unsigned char)text[i];
        if (size == 0) {
            findings_add(findings, place, "byte 0x%02x at offset %zu is not UTF-8", byte,
                         i);
            return false;
        }
        if ((byte < 0x20 && strchr("\t\n\r", byte) == NULL) || byte == 0 ||
            byte == 0x7f) {
            findings_add(findings, place,
                         "byte 0x%02x at offset %zu is a control character", byte, i);
            return false;
        }
        if (byte == '%' && place.column == 1) {
            findings_add(findings, place,
                         "a line begins with %%: directives are refused");
            return false;
        }
        place.column++;
        if (byte == '\n') {
            place = (struct place){place.line + 1, 1};
        }
        i += size;
    }
    return true;
}

/* ---- Events to nodes ----------------------------------------------------- */

/* The node that the next event fills: the root, the value of the last key, or a new
 * item. NULL if a key is expected. */
static struct node *next_node(struct builder *builder)
{
    if (builder->depth == 0) {
        return builder->root;
    }
    struct node *parent = builder->open[builder->depth - 1];
    if (parent->kind == NODE_MAP) {
        struct node *last = parent->n > 0 ? &parent->item[parent->n - 1] : NULL;
        /* A member that waits for its value has a key and no place yet. */
        return last != NULL && last->place.line == 0 ? last : NULL;
    }
    return NULL;
}

static struct node *append(struct node *parent)
{
    if (parent->n == parent->capacity) {
        parent->capacity = parent->capacity > 0 ? 2 * parent->capacity : 4;
        parent->item = xrealloc(parent->item, parent->capacity, sizeof(*parent->item));
    }
    struct node *node = &parent->item[parent->n++];
    memset(node, 0, sizeof(*node));
    return node;
}

/* The text of a scalar, or NULL if a zero byte or another control character was
 * escaped into it. */
static char *scalar_text(struct builder *builder, const yaml_event_t *event)
{
    const unsigned char *value = event->data.scalar.value;
    for (size_t i = 0; i < event->data.scalar.length; i++) {
        if (value[i] < 0x20 || value[i] == 0x7f) {
            findings_add(builder->findings, place_of(&event->start_mark),
                         "a text holds the control character 0x%02x", value[i]);
            return NULL;
        }
    }
    return xstrdup((const char *)value);
}

static void add_key(struct builder *builder, struct node *map, const yaml_event_t *event)
{
    const struct place place = place_of(&event->start_mark);
    struct node *member = append(map);
    member->key_place = place;
    member->key = event->type == YAML_SCALAR_EVENT ? scalar_text(builder, event) : NULL;
    if (member->key == NULL) {
        member->key = xstrdup("");
        member->has_bad_key = true;
    }
}

/* Refuses what an event may carry beside its value. */
static void check_properties(struct builder *builder, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        findings_add(builder->findings, place_of(&event->start_mark),
                     "anchors (&) are refused: write the value out");
    }
    if (tag != NULL) {
        findings_add(builder->findings, place_of(&event->start_mark),
                     "tags (!) are refused: write the value alone");
    }
}

/* A node for an event that is a value, or NULL if the event was a key. */
static struct node *begin_value(struct builder *builder, const yaml_event_t *event)
{
    struct node *node = next_node(builder);
    if (node == NULL) {
        struct node *parent = builder->open[builder->depth - 1];
        if (parent->kind == NODE_MAP) {
            add_key(builder, parent, event);
            return NULL;
        }
        node = append(parent);
    }
    node->place = place_of(&event->start_mark);
    return node;
}

static void on_alias(struct builder *builder, const yaml_event_t *event)
{
    findings_add(builder->findings, place_of(&event->start_mark),
                 "aliases (*) are refused: write the value out, or in quotes");
    begin_value(builder, event); /* stays NODE_BAD */
}

static void on_scalar(struct builder *builder, const yaml_event_t *event)
{
    check_properties(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    struct node *node = begin_value(builder, event);
    if (node == NULL) {
        return;
    }
    node->text = scalar_text(builder, event);
    node->kind = node->text != NULL ? NODE_SCALAR : NODE_BAD;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Stops at what cannot be gone on from. */
static void stop(struct builder *builder, struct place place, const char *message)
{
    findings_add(builder->findings, place, "%s", message);
    builder->is_done = true;
    builder->is_whole = false;
}

static void on_open(struct builder *builder, const yaml_event_t *event,
                    enum node_kind kind)
{
    struct node *node = begin_value(builder, event);
    if (node == NULL) {
        stop(builder, place_of(&event->start_mark),
             "a key is a list or a map: write a name");
        return;
    }
    if (builder->depth == DEPTH_MAX) {
        stop(builder, place_of(&event->start_mark),
             "nested too deeply: 16 levels at most");
        return;
    }
    node->kind = kind;
    builder->open[builder->depth++] = node;
}

static int compare_keys(const void *left, const void *right)
{
    const struct node *a = *(const struct node *const *)left;
    const struct node *b = *(const struct node *const *)right;
    const int order = strcmp(a->key, b->key);
    /* Members are compared by their order too, so the first of equal ones is known. */
    return order != 0 ? order : a < b ? -1 : 1;
}

/* Reports keys that stand twice; only the first stays. By sorting, since a file may
 * hold 200,000 of them. */
static void check_duplicates(struct builder *builder, struct node *map)
{
    struct node **sorted = xalloc(map->n, sizeof(struct node *));
    for (size_t i = 0; i < map->n; i++) {
        sorted[i] = &map->item[i];
    }
    if (map->n > 0) {
        qsort(sorted, map->n, sizeof(struct node *), compare_keys);
    }
    const struct node *first = NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (first == NULL || first->has_bad_key || sorted[i]->has_bad_key ||
            strcmp(first->key, sorted[i]->key) != 0) {
            first = sorted[i];
            continue;
        }
        char key[EXCERPT_SIZE];
        findings_add(builder->findings, sorted[i]->key_place,
                     "duplicate key '%s', first on line %d",
                     log_escape(key, sizeof(key), first->key, strlen(first->key)),
                     first->key_place.line);
        sorted[i]->kind = NODE_BAD;
    }
    free(sorted);
}

static void on_close(struct builder *builder)
{
    struct node *node = builder->open[--builder->depth];
    if (node->kind == NODE_MAP) {
        check_duplicates(builder, node);
    }
}

static void on_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++builder->n_documents > 1) {
            stop(builder, place_of(&event->start_mark),
                 "a second document: a configuration is one document");
        }
        break;
    case YAML_ALIAS_EVENT:
        on_alias(builder, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        check_properties(builder, event, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
        on_open(builder, event, NODE_LIST);
        break;
    case YAML_MAPPING_START_EVENT:
        check_properties(builder, event, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
        on_open(builder, event, NODE_MAP);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_close(builder);
        break;
    case YAML_STREAM_END_EVENT:
        builder->is_done = true;
        break;
    default:
        break;
    }
}

/* ---- Syntax errors ------------------------------------------------------- */

/* True if the indentation of that line (from 0) holds a tab. */
static bool has_tab_indent(const struct builder *builder, size_t line)
{
    const char *c = builder->text;
    const char *end = builder->text + builder->length;
    for (; line > 0 && c < end; c++) {
        line -= *c == '\n';
    }
    while (c < end && *c == ' ') {
        c++;
    }
    return c < end && *c == '\t';
}

/* The place of a byte of a text that check_bytes() passed. */
static struct place place_of_byte(const struct builder *builder, size_t offset)
{
    struct place place = {1, 1};
    for (size_t i = 0; i < offset && i < builder->length;
         i += utf8_size(builder->text + i, builder->length - i)) {
        place.column++;
        if (builder->text[i] == '\n') {
            place = (struct place){place.line + 1, 1};
        }
    }
    return place;
}

static void on_syntax_error(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const struct place place = place_of(&parser->problem_mark);
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
    if (parser->error == YAML_MEMORY_ERROR) {
        out_of_memory();
    }
    builder->is_done = true;
    builder->is_whole = false;
    if (parser->error == YAML_READER_ERROR) {
        /* Characters that check_bytes() lets pass and YAML does not: such as U+0080. */
        findings_add(builder->findings, place_of_byte(builder, parser->problem_offset),
                     "%s: U+%04X at offset %zu", problem, (unsigned)parser->problem_value,
                     parser->problem_offset);
    } else if (has_tab_indent(builder, parser->problem_mark.line)) {
        findings_add(builder->findings, place, "indented by a tab: use blanks");
    } else if (parser->context != NULL) {
        findings_add(builder->findings, place, "%s (%s that began on line %zu)", problem,
                     parser->context, parser->context_mark.line + 1);
    } else {
        findings_add(builder->findings, place, "%s", problem);
    }
}

static void parse(struct builder *builder)
{
    while (!builder->is_done) {
        yaml_event_t event;
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            on_syntax_error(builder);
            return;
        }
        on_event(builder, &event);
        yaml_event_delete(&event);
    }
}

struct node *config_tree_read(const char *text, size_t length, struct findings *findings,
                              bool *is_whole)
{
    struct builder builder = {.text = text,
                              .length = length,
                              .findings = findings,
                              .root = xalloc(1, sizeof(struct node)),
                              .is_whole = true};
    *is_whole = false;
    if (!check_bytes(text, length, findings)) {
        return builder.root;
    }
    if (yaml_parser_initialize(&builder.parser) == 0) {
        out_of_memory();
    }
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
    parse(&builder);
    yaml_parser_delete(&builder.parser);
    *is_whole = builder.is_whole;
    return builder.root;
}

/* Nodes are at most DEPTH_MAX deep, so recursion is bounded. */
static void clear_node(struct node *node)
{
    for (size_t i = 0; i < node->n; i++) {
        clear_node(&node->item[i]);
    }
    free(node->item);
    free(node->key);
    free(node->text);
}

void config_tree_destroy(struct node **tree)
{
    if (*tree != NULL) {
        clear_node(*tree);
        free(*tree);
        *tree = NULL;
    }
}
