/* SPDX-License-Identifier: MIT
 *
 * What is printed reads back to the same, whatever the values. */
#include "config_file.h"
#include "unit.h"

static const char *const files[] = {
    "streams: {s: {fields: [a], feed: {bind: 'tcp://127.0.0.1:*'}, model: {components: "
    "1}}}",
    /* Texts that other readers of YAML take for something else. */
    "streams:\n"
    "  'on': {fields: [yes, 'no', '1', ' a', 'q\"\\', '# x', \"caf\\u00e9\", 'null', y, "
    "'-a'],\n"
    "    columns: ['-', yes, 'no', '1', ' a', 'q\"\\', '# x', \"caf\\u00e9\", 'null', y, "
    "'-a'],\n"
    "    feed: {bind: 'ipc://a b: c'}, model: {components: 1}}\n",
    "state: relative\n"
    "publish: {bind: ['tcp://[::1]:1', 'tcp://127.0.0.1:*', ipc://p]}\n"
    "control: {bind: 'tcp://127.0.0.1:2'}\n"
    "workers: 7\n"
    "log: {level: error, format: json}\n"
    "streams:\n"
    "  a:\n"
    "    dimensions: 3\n"
    "    time: t\n"
    "    weight: w\n"
    "    key: k\n"
    "    missing: marginalize\n"
    "    stale_after: 0.123456789s\n"
    "    feed: {connect: 'tcp://10.0.0.1:9', format: f64, queue: 1, max_message: 1025}\n"
    "    model: {components: 9, covariance: spherical, resolution: [0, 0.1, 1e-7]}\n"
    "    learn: {block: 1, step: {exponent: 0.51, offset: 1e9}, warmup: 1000000, seed: "
    "0}\n"
    "    start: a b.json\n"
    "    publish: {every: 1ms, updates: 1}\n"
    "  b:\n"
    "    dimensions: 1\n"
    "    key: topic\n"
    "    feed: {type: sub, bind: 'tcp://127.0.0.1:8', subscribe: ['', \"x y\"], topic: "
    "space}\n"
    "    model: {components: 1, resolution: 3}\n"
    "  c:\n"
    "    dimensions: 1\n"
    "    feed: {type: reliable, bind: 'tcp://127.0.0.1:7', window: 1KiB, max_sources: "
    "65536}\n"
    "    model: {components: 1}\n",
};

START_TEST(what_is_printed_reads_back_to_the_same)
{
    file_start();
    struct config *first = file_read_good(files[_i]);
    char *once = file_print(first);
    struct config *second = file_read_good(once);
    char *twice = file_print(second);
    ck_assert_str_eq(once, twice);
    struct config_changes changes = config_compare(first, second);
    ck_assert_uint_eq(changes.n, 0);
    config_changes_clear(&changes);
    config_destroy(&first);
    config_destroy(&second);
    free(once);
    free(twice);
    file_stop();
}
END_TEST

START_TEST(every_key_is_printed_in_its_group)
{
    static const char expected[] = "publish:\n"
                                   "  bind: [\"tcp://127.0.0.1:1\"]\n"
                                   "control:\n"
                                   "  bind: \"ipc:///s/control.sock\"\n"
                                   "workers: 2\n"
                                   "checkpoint:\n"
                                   "  every: 1s\n"
                                   "history:\n"
                                   "  keep: 30d\n"
                                   "log:\n"
                                   "  level: info\n"
                                   "  format: text\n"
                                   "streams:\n"
                                   "  s:\n"
                                   "    fields: [a]\n"
                                   "    # dimensions: absent\n"
                                   "    columns: [a]\n"
                                   "    # time: absent\n"
                                   "    # weight: absent\n"
                                   "    # key: absent\n"
                                   "    max_keys: 1000\n"
                                   "    missing: reject\n"
                                   "    # stale_after: absent\n"
                                   "    feed:\n"
                                   "      type: pull\n"
                                   "      bind: [\"tcp://127.0.0.1:*\"]\n"
                                   "      # connect: absent\n"
                                   "      # subscribe: absent\n"
                                   "      topic: none\n"
                                   "      format: auto\n"
                                   "      queue: 1000\n"
                                   "      max_message: 1MiB\n"
                                   "      # window: absent\n"
                                   "      # max_sources: absent\n";
    file_start();
    struct config *config = file_read_good("state: /s\n"
                                           "publish: {bind: 'tcp://127.0.0.1:1'}\n"
                                           "workers: 2\n"
                                           "streams: {s: {fields: [a], "
                                           "feed: {bind: 'tcp://127.0.0.1:*'}, "
                                           "model: {components: 1}}}");
    char *text = file_print(config);
    ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
    free(text);
    config_destroy(&config);
    file_stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(what_is_printed_reads_back_to_the_same, files),
        UNIT(every_key_is_printed_in_its_group),
    };
    return unit_run("config_print", tests, COUNT(tests));
}
