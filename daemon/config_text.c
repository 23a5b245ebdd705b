/* SPDX-License-Identifier: MIT
 *
 * The types of configuration values that are texts: choices, names, paths. */
#include "config_text.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_number.h"
#include "config_value.h"
#include "xalloc.h"

/* Longest name of a column, and longest text that lists choices. */
#define NAME_BYTES 255
#define CHOICES_SIZE 256

/* ---- Texts and lists of them --------------------------------------------- */

/* Words that some reader of YAML takes for a truth value or for nothing. */
static bool is_reserved(const char *text)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

void text_print(const char *text, FILE *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const size_t length = strlen(text);
    if (length > 0 && strspn(text, plain) == length && strchr(letters, text[0]) != NULL &&
        !is_reserved(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', out);
        }
        fputc(*c, out);
    }
    fputc('"', out);
}

void strings_add(struct strings *strings, const char *text)
{
    strings->item = xrealloc(strings->item, strings->n + 1, sizeof(*strings->item));
    strings->item[strings->n++] = xstrdup(text);
}

void strings_copy(struct strings *to, const struct strings *from)
{
    struct strings copy = {0};
    for (size_t i = 0; i < from->n; i++) {
        strings_add(&copy, from->item[i]);
    }
    strings_clear(to);
    *to = copy;
}

void strings_clear(struct strings *strings)
{
    for (size_t i = 0; i < strings->n; i++) {
        free(strings->item[i]);
    }
    free(strings->item);
    *strings = (struct strings){0};
}

bool strings_have(const struct strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->n; i++) {
        if (strcmp(strings->item[i], text) == 0) {
            return true;
        }
    }
    return false;
}

bool strings_print(const struct strings *strings, FILE *out)
{
    for (size_t i = 0; i < strings->n; i++) {
        fputs(i == 0 ? "[" : ", ", out);
        text_print(strings->item[i], out);
    }
    fputs(strings->n > 0 ? "]" : "", out);
    return strings->n > 0;
}

static bool print_strings(const struct config_key *key, const void *base, FILE *out)
{
    return strings_print(value_member_const(key, base), out);
}

static void clear_strings(const struct config_key *key, void *base)
{
    strings_clear(value_member(key, base));
}

static bool print_string(const struct config_key *key, const void *base, FILE *out)
{
    char *const *text = value_member_const(key, base);
    if (*text == NULL) {
        return false;
    }
    text_print(*text, out);
    return true;
}

static void set_string(const struct setting *setting, char *owned)
{
    char **place = value_member(setting->key, setting->base);
    free(*place);
    *place = owned;
}

static void clear_string(const struct config_key *key, void *base)
{
    char **place = value_member(key, base);
    free(*place);
    *place = NULL;
}

/* ---- Choices ------------------------------------------------------------- */

static void choices_text(char out[CHOICES_SIZE], const char *const *choices)
{
    size_t end = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i] != NULL && end < CHOICES_SIZE; i++) {
        end += (size_t)snprintf(out + end, CHOICES_SIZE - end, "%s%s", i > 0 ? ", " : "",
                                choices[i]);
    }
}

static void set_choice(const struct setting *setting, const struct node *node)
{
    const char *const *choices = setting->key->choices;
    for (size_t i = 0; value_is_text(node) && choices[i] != NULL; i++) {
        if (strcmp(node->text, choices[i]) == 0) {
            value_store_whole(setting->key, setting->base, i);
            return;
        }
    }
    char list[CHOICES_SIZE];
    choices_text(list, choices);
    value_refuse(setting, node, "is not one of", list);
}

static bool print_choice(const struct config_key *key, const void *base, FILE *out)
{
    fputs(key->choices[value_load_whole(key, base)], out);
    return true;
}
const struct value_type value_choice = {"choice", set_choice, print_choice, NULL};

static void set_format(const struct setting *setting, const struct node *node)
{
    const struct format **place = value_member(setting->key, setting->base);
    *place = NULL;
    if (value_is_text(node) && strcmp(node->text, "auto") == 0) {
        return;
    }
    *place = value_is_text(node) ? format_find(node->text) : NULL;
    if (*place != NULL) {
        return;
    }
    const char *names[16] = {"auto"};
    const struct format *const *row = format_table();
    for (size_t i = 1; row[i - 1] != NULL && i + 1 < sizeof(names) / sizeof(names[0]);
         i++) {
        names[i] = row[i - 1]->name;
    }
    char list[CHOICES_SIZE];
    choices_text(list, names);
    value_refuse(setting, node, "is not one of", list);
}

static bool print_format(const struct config_key *key, const void *base, FILE *out)
{
    const struct format *const *format = value_member_const(key, base);
    fputs(*format != NULL ? (*format)->name : "auto", out);
    return true;
}
const struct value_type value_format = {"wire format", set_format, print_format, NULL};

/* ---- Names --------------------------------------------------------------- */

static bool is_name(const struct setting *setting, const struct node *node)
{
    if (!value_is_text(node) || node->text[0] == '\0') {
        value_refuse(setting, node, "is not a name", NULL);
        return false;
    }
    if (strlen(node->text) > NAME_BYTES) {
        value_refuse(setting, node, "is too long for a name", "255 bytes at most");
        return false;
    }
    return true;
}

/* The name of a column; "-" is a column that is skipped and cannot be named. */
static bool is_column(const struct setting *setting, const struct node *node)
{
    if (!is_name(setting, node)) {
        return false;
    }
    if (strcmp(node->text, "-") == 0) {
        value_refuse(setting, node, "is not a name",
                     "- stands for a column that is skipped");
        return false;
    }
    return true;
}

static void set_name(const struct setting *setting, const struct node *node)
{
    if (is_column(setting, node)) {
        set_string(setting, xstrdup(node->text));
    }
}
const struct value_type value_name = {"name of a column", set_name, print_string,
                                      clear_string};

/* Lists of names; in one of columns, "-" may stand any number of times. */
static void set_list(const struct setting *setting, const struct node *node,
                     bool is_of_columns)
{
    struct strings *names = value_member(setting->key, setting->base);
    strings_clear(names);
    if (node->kind != NODE_LIST) {
        value_refuse(setting, node, "is not a list of names", "[temperature, pressure]");
        return;
    }
    for (size_t i = 0; value_has_length(setting, node, node->n) && i < node->n; i++) {
        const struct node *item = &node->item[i];
        const bool is_skip =
            is_of_columns && item->kind == NODE_SCALAR && strcmp(item->text, "-") == 0;
        if (!is_skip && !is_column(setting, item)) {
            continue;
        }
        if (!is_skip && strings_have(names, item->text)) {
            value_refuse(setting, item, "stands twice", NULL);
            continue;
        }
        strings_add(names, item->text);
    }
}

static void set_names(const struct setting *setting, const struct node *node)
{
    set_list(setting, node, false);
}
const struct value_type value_names = {"list of names", set_names, print_strings,
                                       clear_strings};

static void set_columns(const struct setting *setting, const struct node *node)
{
    set_list(setting, node, true);
}
const struct value_type value_columns = {"list of names", set_columns, print_strings,
                                         clear_strings};

static void set_dimensions(const struct setting *setting, const struct node *node)
{
    /* The number is read as any other; the member it goes to is of this function. */
    uint64_t n = 0;
    struct config_key key = *setting->key;
    key.offset = 0;
    key.size = sizeof(n);
    struct setting number = *setting;
    number.key = &key;
    number.base = &n;
    value_count.set(&number, node);
    struct strings *names = value_member(setting->key, setting->base);
    strings_clear(names);
    for (uint64_t d = 0; d < n; d++) {
        char name[NUMBER_SIZE];
        snprintf(name, sizeof(name), "x%u", (unsigned)d);
        strings_add(names, name);
    }
}

/* Printed as the names that it made. */
static bool print_nothing(const struct config_key *key, const void *base, FILE *out)
{
    (void)key;
    (void)base;
    (void)out;
    return false;
}
const struct value_type value_dimensions = {"whole number", set_dimensions, print_nothing,
                                            NULL};

static bool print_key(const struct config_key *key, const void *base, FILE *out)
{
    const struct stream_config *stream = base;
    if (stream->key_is_topic) {
        fputs("topic", out);
        return true;
    }
    return print_string(key, base, out);
}
const struct value_type value_key = {"name of a column, or topic", set_name, print_key,
                                     clear_string};

static void set_prefixes(const struct setting *setting, const struct node *node)
{
    struct strings *prefixes = value_member(setting->key, setting->base);
    size_t n;
    const struct node *item = value_items(node, &n);
    strings_clear(prefixes);
    for (size_t i = 0; value_has_length(setting, node, n) && i < n; i++) {
        if (!value_is_text(&item[i])) {
            value_refuse(setting, &item[i], "is not a text", "\"\" for all topics");
            continue;
        }
        if (strings_have(prefixes, item[i].text)) {
            value_refuse(setting, &item[i], "stands twice", NULL);
            continue;
        }
        strings_add(prefixes, item[i].text);
    }
}

/* The prefixes of a subscription; nothing else has any. */
static bool print_prefixes(const struct config_key *key, const void *base, FILE *out)
{
    const struct stream_config *stream = base;
    return stream->feed.type == FEED_SUB && print_strings(key, base, out);
}
const struct value_type value_prefixes = {"text or list of texts", set_prefixes,
                                          print_prefixes, clear_strings};

/* ---- Paths --------------------------------------------------------------- */

char *path_in_folder(const char *folder, const char *path)
{
    return path[0] == '/' ? xstrdup(path) : xformat("%s/%s", folder, path);
}

static void set_path(const struct setting *setting, const struct node *node)
{
    if (!value_is_text(node) || node->text[0] == '\0') {
        value_refuse(setting, node, "is not a path", NULL);
        return;
    }
    set_string(setting, path_in_folder(setting->folder, node->text));
}
const struct value_type value_path = {"path", set_path, print_string, clear_string};
