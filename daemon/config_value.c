/* SPDX-License-Identifier: MIT
 *
 * What all types of configuration values share, and the types that are numbers. Each
 * type is three functions at most and a row after them; the table of keys names it. */
#include "config_value.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_number.h"
#include "log.h"
#include "xalloc.h"

/* Longest excerpt of a value in a message, and longest text of a range. */
#define EXCERPT_SIZE 64
#define RANGE_SIZE (2 * NUMBER_SIZE + 24)

/* ---- Shared -------------------------------------------------------------- */

void *value_member(const struct config_key *key, void *base)
{
    return (char *)base + key->offset;
}

const void *value_member_const(const struct config_key *key, const void *base)
{
    return (const char *)base + key->offset;
}

char *config_key_value(const struct config_key *key, const void *base)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return xstrdup("?");
    }
    const bool is_present = key->type->print(key, base, out);
    fclose(out);
    if (!is_present) {
        free(text);
        return NULL;
    }
    return text;
}

void value_refuse(const struct setting *setting, const struct node *node,
                  const char *problem, const char *right)
{
    const char *name = config_key_name(setting->key);
    const char *colon = right != NULL ? ": " : "";
    char value[EXCERPT_SIZE];
    right = right != NULL ? right : "";
    if (node->kind == NODE_SCALAR && (node->text[0] != '\0' || !node->is_plain)) {
        log_escape(value, sizeof(value), node->text, strlen(node->text));
        findings_add(setting->findings, node->place, "%s '%s' %s%s%s", name, value,
                     problem, colon, right);
    } else if (node->kind == NODE_SCALAR) {
        findings_add(setting->findings, node->place, "%s has no value%s%s", name, colon,
                     right);
    } else if (node->kind != NODE_BAD) {
        findings_add(setting->findings, node->place, "%s is a %s and %s%s%s", name,
                     node->kind == NODE_LIST ? "list" : "map", problem, colon, right);
    }
}

/* True for what YAML takes as no value at all. */
static bool is_null(const struct node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; node->is_plain && i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        if (strcmp(node->text, nulls[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool value_is_text(const struct node *node)
{
    return node->kind == NODE_SCALAR && !is_null(node);
}

const struct node *value_items(const struct node *node, size_t *n)
{
    *n = node->kind == NODE_LIST ? node->n : 1;
    return node->kind == NODE_LIST ? node->item : node;
}

bool value_has_length(const struct setting *setting, const struct node *node, size_t n)
{
    if (n >= (size_t)setting->key->min && n <= (size_t)setting->key->max) {
        return true;
    }
    findings_add(setting->findings, node->place, "%s has %zu items: %.0f to %.0f",
                 config_key_name(setting->key), n, setting->key->min, setting->key->max);
    return false;
}

/* ---- Numbers ------------------------------------------------------------- */

/* How a kind of number is written. */
struct number_form {
    const char *problem; /* "is not a whole number" */
    bool has_unit;       /* so JSON has to quote it */
    enum number_result (*parse)(const char *text, double *number);
    void (*print)(char out[NUMBER_SIZE], double number);
};

static enum number_result parse_count(const char *text, double *number)
{
    uint64_t count = 0;
    const enum number_result result = number_parse_count(text, &count);
    *number = (double)count;
    return result;
}

static enum number_result parse_size(const char *text, double *number)
{
    uint64_t bytes = 0;
    const enum number_result result = number_parse_size(text, &bytes);
    *number = (double)bytes;
    return result;
}

static void print_count(char out[NUMBER_SIZE], double number)
{
    /* 2^64 stands for the largest there is. */
    const uint64_t count = number >= 0x1p64 ? UINT64_MAX : (uint64_t)number;
    snprintf(out, NUMBER_SIZE, "%llu", (unsigned long long)count);
}

static void print_size(char out[NUMBER_SIZE], double number)
{
    number_print_size(out, (uint64_t)number);
}

static const struct number_form form_count = {"is not a whole number", false, parse_count,
                                              print_count};
static const struct number_form form_real = {"is not a number", false, number_parse_real,
                                             number_print_real};
static const struct number_form form_duration = {
    "is not a number with one of the units ms s min h d", true, number_parse_duration,
    number_print_duration};
static const struct number_form form_size = {
    "is not a whole number with one of the units KiB MiB GiB", true, parse_size,
    print_size};

static void range_text(char out[RANGE_SIZE], const struct config_key *key,
                       const struct number_form *form)
{
    char min[NUMBER_SIZE], max[NUMBER_SIZE];
    form->print(min, key->min);
    form->print(max, key->max);
    if (key->is_above) {
        snprintf(out, RANGE_SIZE, "above %s, at most %s", min, max);
    } else {
        snprintf(out, RANGE_SIZE, "%s to %s", min, max);
    }
}

/* Reads a number and checks its range. */
static bool read_number(const struct setting *setting, const struct node *node,
                        const struct number_form *form, double *number)
{
    const struct config_key *key = setting->key;
    char range[RANGE_SIZE];
    range_text(range, key, form);
    if (!value_is_text(node) || (!node->is_plain && !form->has_unit)) {
        value_refuse(setting, node, form->problem, range);
        return false;
    }
    switch (form->parse(node->text, number)) {
    case NUMBER_OK:
        break;
    case NUMBER_OVERFLOW:
        value_refuse(setting, node, "is out of range", range);
        return false;
    case NUMBER_MALFORMED:
        value_refuse(setting, node, form->problem, range);
        return false;
    }
    if (*number < key->min || *number > key->max ||
        (key->is_above && *number == key->min)) {
        value_refuse(setting, node, "is out of range", range);
        return false;
    }
    return true;
}

void value_store_whole(const struct config_key *key, void *base, uint64_t number)
{
    void *place = value_member(key, base);
    const uint8_t byte = (uint8_t)number;
    const uint32_t narrow = (uint32_t)number;
    const void *from = key->size == sizeof(byte)     ? (const void *)&byte
                       : key->size == sizeof(narrow) ? (const void *)&narrow
                                                     : (const void *)&number;
    memcpy(place, from, key->size);
}

uint64_t value_load_whole(const struct config_key *key, const void *base)
{
    const void *place = value_member_const(key, base);
    uint8_t byte;
    uint32_t narrow;
    uint64_t number;
    if (key->size == sizeof(byte)) {
        memcpy(&byte, place, sizeof(byte));
        return byte;
    }
    if (key->size == sizeof(narrow)) {
        memcpy(&narrow, place, sizeof(narrow));
        return narrow;
    }
    memcpy(&number, place, sizeof(number));
    return number;
}

static void set_count(const struct setting *setting, const struct node *node)
{
    double number;
    uint64_t count;
    /* The double tells the range; it does not hold every count. */
    if (read_number(setting, node, &form_count, &number) &&
        number_parse_count(node->text, &count) == NUMBER_OK) {
        value_store_whole(setting->key, setting->base, count);
    }
}

static bool print_count_member(const struct config_key *key, const void *base, FILE *out)
{
    const uint64_t count = value_load_whole(key, base);
    if (count == 0 && key->min > 0) {
        return false;
    }
    fprintf(out, "%llu", (unsigned long long)count);
    return true;
}
const struct value_type value_count = {"whole number", set_count, print_count_member,
                                       NULL};

static void set_size(const struct setting *setting, const struct node *node)
{
    double number;
    if (read_number(setting, node, &form_size, &number)) {
        value_store_whole(setting->key, setting->base, (uint64_t)number);
    }
}

static bool print_size_member(const struct config_key *key, const void *base, FILE *out)
{
    const uint64_t bytes = value_load_whole(key, base);
    char text[NUMBER_SIZE];
    number_print_size(text, bytes);
    fputs(bytes > 0 ? text : "", out);
    return bytes > 0;
}
const struct value_type value_size = {"size", set_size, print_size_member, NULL};

static void set_double(const struct setting *setting, const struct node *node,
                       const struct number_form *form)
{
    double number;
    if (read_number(setting, node, form, &number)) {
        memcpy(value_member(setting->key, setting->base), &number, sizeof(number));
    }
}

static bool print_double(const struct config_key *key, const void *base, FILE *out,
                         const struct number_form *form)
{
    double number;
    char text[NUMBER_SIZE];
    memcpy(&number, value_member_const(key, base), sizeof(number));
    if (number == 0) {
        return false;
    }
    form->print(text, number);
    fputs(text, out);
    return true;
}

static void set_real(const struct setting *setting, const struct node *node)
{
    set_double(setting, node, &form_real);
}

static bool print_real(const struct config_key *key, const void *base, FILE *out)
{
    return print_double(key, base, out, &form_real);
}
const struct value_type value_real = {"number", set_real, print_real, NULL};

static void set_duration(const struct setting *setting, const struct node *node)
{
    set_double(setting, node, &form_duration);
}

static bool print_duration(const struct config_key *key, const void *base, FILE *out)
{
    return print_double(key, base, out, &form_duration);
}
const struct value_type value_duration = {"duration", set_duration, print_duration, NULL};

static void set_retention(const struct setting *setting, const struct node *node)
{
    if (node->kind == NODE_SCALAR && strcmp(node->text, "off") == 0) {
        const double none = 0;
        memcpy(value_member(setting->key, setting->base), &none, sizeof(none));
        return;
    }
    set_duration(setting, node);
}

static bool print_retention(const struct config_key *key, const void *base, FILE *out)
{
    return print_duration(key, base, out) || fputs("off", out) != EOF;
}
const struct value_type value_retention = {"duration or off", set_retention,
                                           print_retention, NULL};

static void set_numbers(const struct setting *setting, const struct node *node)
{
    struct numbers *numbers = value_member(setting->key, setting->base);
    size_t n;
    const struct node *item = value_items(node, &n);
    free(numbers->item);
    *numbers = (struct numbers){.n = 0, .item = xalloc(n, sizeof(double))};
    for (size_t i = 0; i < n; i++) {
        if (read_number(setting, &item[i], &form_real, &numbers->item[numbers->n])) {
            numbers->n++;
        }
    }
}

static bool print_numbers(const struct config_key *key, const void *base, FILE *out)
{
    const struct numbers *numbers = value_member_const(key, base);
    for (size_t i = 0; i < numbers->n; i++) {
        char text[NUMBER_SIZE];
        number_print_real(text, numbers->item[i]);
        fprintf(out, "%s%s", i == 0 ? "[" : ", ", text);
    }
    fputs(numbers->n > 0 ? "]" : "", out);
    return numbers->n > 0;
}

static void clear_numbers(const struct config_key *key, void *base)
{
    struct numbers *numbers = value_member(key, base);
    free(numbers->item);
    *numbers = (struct numbers){0};
}
const struct value_type value_numbers = {"number or list of numbers", set_numbers,
                                         print_numbers, clear_numbers};
