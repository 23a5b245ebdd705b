/* SPDX-License-Identifier: MIT
 *
 * Every row of the table of keys: complete, documented, in the full example with its
 * default, and read, printed and read again to the same. */
#include "config_keys.h"

#include <ctype.h>

#include "config_file.h"
#include "config_value.h"
#include "unit.h"

static char *read_source(const char *name)
{
    char path[4096];
    const char *folder = getenv("abs_srcdir");
    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : ".", name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char *text = calloc(1, 65536);
    ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
    fclose(file);
    return text;
}

START_TEST(every_row_is_complete)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        ck_assert_msg(key->type != NULL && key->size > 0, "%s has no member", key->path);
        ck_assert_msg(key->help != NULL && strlen(key->help) > 10, "%s: help", key->path);
        ck_assert_msg(key->min <= key->max, "%s: range", key->path);
        ck_assert_msg((key->type == &value_choice) == (key->choices != NULL),
                      "%s: choices", key->path);
        ck_assert_msg(key->type != &value_count || key->max > 0, "%s: range", key->path);
        ck_assert_ptr_eq(config_key_find(key->path), key);
    }
}
END_TEST

/* Printing opens a group when its first key comes and never again. */
START_TEST(rows_of_a_group_stand_together)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        for (size_t j = i + 2; j < config_keys_n; j++) {
            const char *a = config_keys[i].path;
            const char *b = config_keys[j].path;
            const char *between = config_keys[j - 1].path;
            for (const char *dot = strchr(a, '.'); dot != NULL;
                 dot = strchr(dot + 1, '.')) {
                const size_t n = (size_t)(dot + 1 - a);
                ck_assert_msg(strncmp(a, b, n) != 0 || strncmp(a, between, n) == 0,
                              "%s stands apart from %s", b, a);
            }
        }
    }
}
END_TEST

/* conf/mixd.yaml with its commented keys made active: "#" and a key behind it. */
static char *full_example(void)
{
    char *text = read_source("conf/mixd.yaml");
    for (char *line = text; line != NULL && *line != '\0';) {
        char *mark = line + strspn(line, " ");
        if (mark[0] == '#' && islower((unsigned char)mark[1])) {
            memmove(mark, mark + 1, strlen(mark));
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return text;
}

static bool is_given(const struct config *config, size_t row)
{
    bool is_found = config->places[row].line > 0;
    for (size_t i = 0; i < config->n_streams; i++) {
        is_found = is_found || config->streams[i].places[row].line > 0;
    }
    return is_found;
}

START_TEST(the_full_example_holds_every_key)
{
    file_start();
    char *text = full_example();
    struct config *config = file_read_good(text);
    for (size_t i = 0; i < config_keys_n; i++) {
        ck_assert_msg(is_given(config, i), "conf/mixd.yaml lacks %s",
                      config_keys[i].path);
    }
    config_destroy(&config);
    free(text);
    file_stop();
}
END_TEST

/* What is not commented out in the example, and has a default, is the default. */
START_TEST(the_full_example_shows_the_defaults)
{
    file_start();
    char *text = read_source("conf/mixd.yaml");
    struct config *example = file_read_good(text);
    struct config *minimal =
        file_read_good("streams: {s: {fields: [temperature, pressure], "
                       "feed: {bind: 'tcp://127.0.0.1:5570'}, "
                       "model: {components: 3}}}");
    ck_assert_uint_eq(example->n_streams, 1);
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        const bool is_of_stream = config_key_is_of_stream(key);
        char *shown = config_key_value(key, is_of_stream ? (void *)&example->streams[0]
                                                         : (void *)example);
        char *standard = config_key_value(key, is_of_stream ? (void *)&minimal->streams[0]
                                                            : (void *)minimal);
        ck_assert_msg((shown == NULL) == (standard == NULL), "%s", key->path);
        ck_assert_msg(shown == NULL || strcmp(shown, standard) == 0,
                      "conf/mixd.yaml has %s: %s, the default is %s", key->path, shown,
                      standard);
        free(shown);
        free(standard);
    }
    config_destroy(&example);
    config_destroy(&minimal);
    free(text);
    file_stop();
}
END_TEST

START_TEST(the_minimal_example_is_good)
{
    file_start();
    char *text = read_source("conf/minimal.yaml");
    struct config *config = file_read_good(text);
    config_destroy(&config);
    free(text);
    file_stop();
}
END_TEST

/* Each key begins an entry of the page: "*feed.queue*: ", and its default and choices
 * stand in the entry. */
START_TEST(the_manual_page_has_every_key)
{
    char *page = read_source("daemon/mixd.yaml.5.scd");
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        char head[128];
        snprintf(head, sizeof(head), "\n*%s*", config_key_name(key));
        char *entry = strstr(page, head);
        ck_assert_msg(entry != NULL, "mixd.yaml(5) lacks %s", key->path);
        char *end = strstr(entry + 1, "\n*");
        const char kept = end != NULL ? *end : '\0';
        if (end != NULL) {
            *end = '\0';
        }
        ck_assert_msg(key->preset == NULL || strstr(entry, key->preset) != NULL,
                      "mixd.yaml(5): %s lacks its default %s", key->path, key->preset);
        for (size_t c = 0; key->choices != NULL && key->choices[c] != NULL; c++) {
            ck_assert_msg(strstr(entry, key->choices[c]) != NULL,
                          "mixd.yaml(5): %s lacks %s", key->path, key->choices[c]);
        }
        ck_assert_msg((strstr(entry, "Live") != NULL) == key->is_live,
                      "mixd.yaml(5): %s is%s live", key->path,
                      key->is_live ? "" : " not");
        if (end != NULL) {
            *end = kept;
        }
    }
    free(page);
}
END_TEST

static const struct {
    const char *group;
    const char *key;
    const char *suggestion;
} suggestions[] = {
    {"", "stream", "streams"},
    {"", "lgo", "log"},
    {"", "x", ""},
    {"log.", "fromat", "log.format"},
    {"streams.*.", "feilds", "fields"},
    {"streams.*.", "covariance", "model.covariance"},
    {"streams.*.feed.", "max-message", "feed.max_message"},
    {"streams.*.model.", "K", ""},
    {"streams.*.learn.", "exponent", "learn.step.exponent"},
    {"", "a key that is longer than any key of the whole table", ""},
};

START_TEST(the_nearest_key_is_suggested)
{
    char out[64];
    config_key_suggest(out, sizeof(out), suggestions[_i].group, suggestions[_i].key);
    ck_assert_str_eq(out, suggestions[_i].suggestion);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(every_row_is_complete),
        UNIT(rows_of_a_group_stand_together),
        UNIT(the_full_example_holds_every_key),
        UNIT(the_full_example_shows_the_defaults),
        UNIT(the_minimal_example_is_good),
        UNIT(the_manual_page_has_every_key),
        UNIT_LOOP(the_nearest_key_is_suggested, suggestions),
    };
    return unit_run("config_keys", tests, COUNT(tests));
}
