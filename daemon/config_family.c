/* SPDX-License-Identifier: MIT
 *
 * The value of model.family: a family for all fields, or a map of fields to families. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_text.h"
#include "config_value.h"
#include "xalloc.h"

/* Longest list of the families, in a message. */
#define CHOICES_SIZE 256

static void choices_text(char out[CHOICES_SIZE])
{
    size_t length = 0;
    for (int family = 0; family < MIX_FAMILIES; family++) {
        length += (size_t)snprintf(out + length, CHOICES_SIZE - length, "%s%s",
                                   family > 0 ? ", " : "",
                                   mix_family_name((enum mix_family)family));
    }
}

static bool read_family(const struct setting *setting, const struct node *node,
                        enum mix_family *family)
{
    char choices[CHOICES_SIZE];
    for (int f = 0; value_is_text(node) && f < MIX_FAMILIES; f++) {
        if (strcmp(node->text, mix_family_name((enum mix_family)f)) == 0) {
            *family = (enum mix_family)f;
            return true;
        }
    }
    choices_text(choices);
    value_refuse(setting, node, "is not one of", choices);
    return false;
}

static void clear_items(struct family_config *config)
{
    for (size_t i = 0; i < config->n; i++) {
        free(config->item[i].field);
    }
    free(config->item);
    config->item = NULL;
    config->n = 0;
}

static void set_family(const struct setting *setting, const struct node *node)
{
    struct family_config *config = value_member(setting->key, setting->base);
    clear_items(config);
    if (node->kind != NODE_MAP) {
        read_family(setting, node, &config->all);
        return;
    }
    config->item = xalloc(node->n + 1, sizeof(*config->item));
    for (size_t i = 0; i < node->n; i++) {
        const struct node *member = &node->item[i];
        struct family_item *item = &config->item[config->n];
        if (!member->has_bad_key && read_family(setting, member, &item->family)) {
            item->field = xstrdup(member->key);
            item->place = member->key_place;
            config->n++;
        }
    }
}

static bool print_family(const struct config_key *key, const void *base, FILE *out)
{
    const struct family_config *config = value_member_const(key, base);
    if (config->n == 0) {
        fputs(mix_family_name(config->all), out);
        return true;
    }
    for (size_t i = 0; i < config->n; i++) {
        fputs(i == 0 ? "{" : ", ", out);
        text_print(config->item[i].field, out);
        fprintf(out, ": %s", mix_family_name(config->item[i].family));
    }
    fputc('}', out);
    return true;
}

static void clear_family(const struct config_key *key, void *base)
{
    struct family_config *config = value_member(key, base);
    clear_items(config);
    free(config->each);
    *config = (struct family_config){.all = MIX_GAUSSIAN};
}

const struct value_type value_family = {"family, or map of fields to families",
                                        set_family, print_family, clear_family};
