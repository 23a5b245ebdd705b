/* SPDX-License-Identifier: MIT
 *
 * A configuration as a file again: every key of the table with its effective value, and
 * those that are absent as comments. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_keys.h"
#include "config_text.h"
#include "config_value.h"

/* Prints the groups of a key ("learn.step." of learn.step.offset) that the key printed
 * before it did not open. */
static void print_groups(const char *before, const char *name, int indent, FILE *out)
{
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        const size_t length = (size_t)(dot + 1 - name);
        const char *start = dot;
        while (start > name && start[-1] != '.') {
            start--;
        }
        if (strncmp(before, name, length) != 0) {
            fprintf(out, "%*s%.*s:\n", indent, "", (int)(dot - start), start);
        }
        indent += 2;
    }
}

static int depth_of(const char *name)
{
    int depth = 0;
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        depth++;
    }
    return depth;
}

/* Bytes of the name that are its group, "learn.step." of learn.step.offset. */
static size_t group_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (size_t)(dot + 1 - name) : 0;
}

/* A key that is absent does not open a group: "# learn.step.offset: absent". */
static void print_absent(const char *before, const char *name, int indent, FILE *out)
{
    const size_t group = group_length(name);
    if (strncmp(before, name, group) == 0) {
        fprintf(out, "%*s# %s: absent\n", indent + 2 * depth_of(name), "", name + group);
    } else {
        fprintf(out, "%*s# %s: absent\n", indent, "", name);
    }
}

/* The keys of the configuration or of a stream. */
static void print_keys(bool is_of_stream, const void *base, int indent, FILE *out)
{
    const char *before = "";
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        if (config_key_is_of_stream(key) != is_of_stream) {
            continue;
        }
        const char *name = config_key_name(key);
        char *value = config_key_value(key, base);
        if (value == NULL) {
            print_absent(before, name, indent, out);
            continue;
        }
        print_groups(before, name, indent, out);
        fprintf(out, "%*s%s: %s\n", indent + 2 * depth_of(name), "",
                name + group_length(name), value);
        before = name;
        free(value);
    }
}

void config_print(const struct config *config, FILE *out)
{
    print_keys(false, config, 0, out);
    fputs("streams:\n", out);
    for (size_t i = 0; i < config->n_streams; i++) {
        fputs("  ", out);
        text_print(config->streams[i].name, out);
        fputs(":\n", out);
        print_keys(true, &config->streams[i], 4, out);
    }
}
