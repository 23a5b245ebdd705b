/* SPDX-License-Identifier: MIT
 *
 * model.components: a number, a range A..B, or auto. */
#include "config_value.h"

#include <stdlib.h>
#include <string.h>

#include "config_number.h"
#include "mix.h"
#include "xalloc.h"

#define AUTO_FIRST 1
#define AUTO_LAST 8
#define RIGHT "a whole number, a range as 1..8, or auto"

/* One end of the range; false after a finding. */
static bool read_end(const struct setting *setting, const struct node *node,
                     const char *text, uint64_t *end)
{
    char range[64];
    if (number_parse_count(text, end) != NUMBER_OK) {
        value_refuse(setting, node, "is not a number of components", RIGHT);
        return false;
    }
    if (*end < 1 || *end > COMPONENTS_MAX) {
        snprintf(range, sizeof(range), "1 to %d", COMPONENTS_MAX);
        value_refuse(setting, node, "is out of range", range);
        return false;
    }
    return true;
}

static void set_components(const struct setting *setting, const struct node *node)
{
    struct mix_options *mix = value_member(setting->key, setting->base);
    const char *dots = value_is_text(node) ? strstr(node->text, "..") : NULL;
    uint64_t first = AUTO_FIRST, last = AUTO_LAST;
    if (!value_is_text(node)) {
        value_refuse(setting, node, "is not a number of components", RIGHT);
        return;
    }
    if (strcmp(node->text, "auto") != 0) {
        char *text = xstrdup(node->text);
        text[dots != NULL ? (size_t)(dots - node->text) : strlen(text)] = '\0';
        const bool is_good = read_end(setting, node, text, &first) &&
                             (dots == NULL || read_end(setting, node, dots + 2, &last));
        free(text);
        if (!is_good) {
            return;
        }
        last = dots == NULL ? first : last;
    }
    if (last < first || last - first >= MIX_RANGE_MAX) {
        value_refuse(setting, node, "is not a range of at most 32 numbers", RIGHT);
        return;
    }
    mix->components = (size_t)first;
    mix->components_max = last > first ? (size_t)last : 0;
}

static bool print_components(const struct config_key *key, const void *base, FILE *out)
{
    const struct mix_options *mix = value_member_const(key, base);
    if (mix->components == 0) {
        return false;
    }
    fprintf(out, "%zu", mix->components);
    if (mix->components_max > 0) {
        fprintf(out, "..%zu", mix->components_max);
    }
    return true;
}

const struct value_type value_components = {"whole number, range A..B, or auto",
                                            set_components, print_components, NULL};
