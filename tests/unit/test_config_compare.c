/* SPDX-License-Identifier: MIT
 *
 * What a reload would change: one line a key, with its line in the new file. */
#include "config_file.h"
#include "unit.h"

#define HEAD                                                                             \
    "state: /s\n"                                                                        \
    "workers: 1\n"                                                                       \
    "log: {level: info}\n"                                                               \
    "streams:\n"
#define A "  a: {dimensions: 2, feed: {bind: ipc:///a}, model: {components: 2}}\n"
#define B "  b: {dimensions: 2, feed: {bind: ipc:///b}, model: {components: 2}}\n"

static const struct {
    const char *from, *to;
    const char *changes;
} pairs[] = {
    {HEAD A, HEAD A, ""},
    {HEAD A B, HEAD B A, ""},
    {HEAD A, "# a line more\n" HEAD A, ""},
    {HEAD A,
     HEAD "  a: {fields: [x0, x1], feed: {bind: [ipc:///a]}, model: {components: 2}}\n",
     ""},
    {HEAD A, "state: /s\nworkers: 2\nlog: {level: debug, format: json}\nstreams:\n" A,
     "workers: 1 -> 2 (restart, line 2)\n"
     "log.level: info -> debug (live, line 3)\n"
     "log.format: text -> json (live, line 3)\n"},
    {HEAD A,
     HEAD "  a: {dimensions: 3, feed: {bind: ipc:///a}, model: {components: 2}, "
          "stale_after: 1min}\n",
     "streams.a.fields: [x0, x1] -> [x0, x1, x2] (restart, line 0)\n"
     "streams.a.columns: [x0, x1] -> [x0, x1, x2] (restart, line 0)\n"
     "streams.a.stale_after: absent -> 1min (live, line 5)\n"},
    {HEAD A, HEAD A B, "streams.b: absent -> a stream (restart, line 6)\n"},
    {HEAD A B, HEAD B, "streams.a: a stream -> absent (restart, line 0)\n"},
};

static char *told(const struct config_changes *changes)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < changes->n; i++) {
        const struct config_change *change = &changes->item[i];
        fprintf(out, "%s: %s -> %s (%s, line %d)\n", change->path,
                change->from != NULL ? change->from : "absent",
                change->to != NULL ? change->to : "absent",
                change->is_live ? "live" : "restart", change->line);
    }
    fclose(out);
    return text;
}

START_TEST(a_reload_is_told_key_by_key)
{
    file_start();
    struct config *from = file_read_good(pairs[_i].from);
    struct config *to = file_read_good(pairs[_i].to);
    struct config_changes changes = config_compare(from, to);
    char *text = told(&changes);
    ck_assert_str_eq(text, pairs[_i].changes);
    free(text);
    config_changes_clear(&changes);
    config_destroy(&from);
    config_destroy(&to);
    file_stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_reload_is_told_key_by_key, pairs),
    };
    return unit_run("config_compare", tests, COUNT(tests));
}
