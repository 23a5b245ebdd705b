/* SPDX-License-Identifier: MIT
 *
 * Configuration files, bad and good: one row a file. A bad file is told with every
 * finding, in the order of the file, at its line and column. */
#include "config.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "config_file.h"
#include "unit.h"

/* A stream that is good, up to its name, and one that lacks only the keys of a group. */
#define STREAM "streams: {s: {fields: [a, b], "
#define FEED "feed: {bind: 'tcp://127.0.0.1:5570'}, "
#define MODEL "model: {components: 2}"
#define GOOD STREAM FEED MODEL "}}\n"
#define CURVE                                                                            \
    "a bind that other hosts reach needs curve.secret and curve.allow, which this "      \
    "version does not have: use 127.0.0.1 or [::1]\n"

struct bad_file {
    const char *text;
    const char *findings;
};

static const struct bad_file structure[] = {
    {"", "1:1: the file is empty: streams is needed\n"},
    {"# nothing\n\n", "1:1: the file is empty: streams is needed\n"},
    {"---\n", "2:1: the file is not a map of keys\n"},
    {"hello\n", "1:1: the file is not a map of keys\n"},
    {"[1]\n", "1:1: the file is not a map of keys\n"},
    {"workers: 2\n", "1:1: streams is missing: one at least\n"},
    {"streams:\n", "1:9: streams is not a map of keys\n"},
    {"streams: {}\n", "1:10: streams is empty: one at least\n"},
    {"streams: []\n", "1:10: streams is not a map of keys\n"},
    {"streams: {s: }\n", "1:11: stream 's' needs fields or dimensions\n"
                         "1:11: stream 's' needs feed.bind or feed.connect\n"
                         "1:11: stream 's' needs model.components\n"
                         "1:14: a stream is not a map of keys\n"},
    {GOOD "---\n" GOOD, "2:1: a second document: a configuration is one document\n"},
    {GOOD "...\n---\n", "3:1: a second document: a configuration is one document\n"},
    {"%YAML 1.1\n---\n" GOOD, "1:1: a line begins with %: directives are refused\n"},
    {GOOD "state: a\nstate: b\n", "3:1: duplicate key 'state', first on line 2\n"},
    {GOOD "log: {level: info, format: text, level: debug}\n",
     "2:34: duplicate key 'level', first on line 2\n"},
    {GOOD "state: &a x\n", "2:8: anchors (&) are refused: write the value out\n"},
    {GOOD "state: *a\n",
     "2:8: aliases (*) are refused: write the value out, or in quotes\n"},
    {GOOD "log: &a {level: *a}\n",
     "2:6: anchors (&) are refused: write the value out\n"
     "2:17: aliases (*) are refused: write the value out, or in quotes\n"},
    {GOOD "<<: *a\n",
     "2:1: unknown key '<<'\n"
     "2:5: aliases (*) are refused: write the value out, or in quotes\n"},
    {GOOD "workers: !!int 3\n", "2:10: tags (!) are refused: write the value alone\n"},
    {GOOD "[a]: 3\n", "2:1: a key is a list or a map: write a name\n"},
    {GOOD "log:\n\tlevel: info\n", "3:1: indented by a tab: use blanks\n"},
    {GOOD "log: {level: info\n",
     "3:1: did not find expected ',' or '}' (while parsing a flow mapping that began on "
     "line 2)\n"},
    {"workers: 0\n" GOOD "log: {level: 'info\n",
     "1:10: workers '0' is out of range: 1 to 1024\n"
     "4:1: found unexpected end of stream (while scanning a quoted scalar that began on "
     "line 3)\n"},
    {GOOD "log: {level: \"in\\u0000fo\"}\n",
     "2:14: a text holds the control character 0x00\n"},
    {GOOD "log: {level: in\x01"
          "fo}\n",
     "2:16: byte 0x01 at offset 108 is a control character\n"},
    {GOOD "log: {level: in\xff"
          "fo}\n",
     "2:16: byte 0xff at offset 108 is not UTF-8\n"},
    {GOOD "log: {level: \xc0\xaf}\n", "2:14: byte 0xc0 at offset 106 is not UTF-8\n"},
    {GOOD "log: {level: \xc2\x80}\n",
     "2:14: control characters are not allowed: U+0080 at offset 106\n"},
    {"\xff\xfe"
     "a",
     "1:1: the file is UTF-16: write it as UTF-8\n"},
    {"[[[[[[[[[[[[[[[[[", "1:17: nested too deeply: 16 levels at most\n"},
};

#define NO_DOTS "keys have no dots, what is before one is a map of its own\n"

static const struct bad_file keys[] = {
    {GOOD "wokers: 1\n", "2:1: unknown key 'wokers': did you mean 'workers'?\n"},
    {GOOD "zzz: 1\n", "2:1: unknown key 'zzz'\n"},
    {GOOD "streams.*.feed.bind: 1\n", "2:1: unknown key 'streams.*.feed.bind': " NO_DOTS},
    {GOOD "streams.*: {key: 1}\n", "2:1: unknown key 'streams.*': " NO_DOTS},
    {GOOD "log.level: info\n", "2:1: unknown key 'log.level': " NO_DOTS},
    {GOOD "log: {levle: info}\n",
     "2:7: unknown key 'log.levle': did you mean 'log.level'?\n"},
    {GOOD "level: info\n", "2:1: unknown key 'level': did you mean 'log.level'?\n"},
    {GOOD "log: info\n", "2:6: log is not a map of keys\n"},
    {GOOD "log:\n", "2:5: log is not a map of keys\n"},
    {GOOD "curve: {secret: /etc/mixd/key}\n", "2:1: unknown key 'curve'\n"},
    {GOOD "\"a\\nb\": 1\n", "2:1: a text holds the control character 0x0a\n"},
    {STREAM FEED MODEL ", components: 2}}\n",
     "1:93: unknown key 'components': did you mean 'model.components'?\n"},
    {"streams: {'a b': {fields: [a, b], " FEED MODEL "}}\n",
     "1:11: stream name 'a b' is not 1 to 64 of A-Z a-z 0-9 . _ -\n"},
    {STREAM FEED MODEL ", dimensions: 2}}\n",
     "1:105: dimensions excludes fields on line 1\n"},
    {STREAM "feed: {connect: 'tcp://10.0.0.1:1', bind: 'tcp://127.0.0.1:2'}, " MODEL
            "}}\n",
     "1:73: feed.bind excludes feed.connect on line 1\n"},
    {STREAM FEED MODEL ", learn: {step: {offset: 2}}}}\n",
     "1:116: learn.step.offset needs learn.step.exponent\n"},
    {STREAM FEED MODEL ", learn: {step: {exponent: 0.7}, window: 5}}}\n",
     "1:132: learn.window excludes learn.step.exponent on line 1\n"},
    {STREAM FEED MODEL ", learn: {half_life: 5s, adapt: on}}}\n",
     "1:123: learn.adapt excludes learn.half_life on line 1\n"},
    {STREAM "feed: {bind: 'tcp://127.0.0.1:2', subscribe: a}, " MODEL "}}\n",
     "1:76: feed.subscribe needs feed.type: sub\n"},
    {STREAM "feed: {bind: 'tcp://127.0.0.1:2', window: 1MiB, max_sources: 1}, " MODEL
            "}}\n",
     "1:73: feed.window needs feed.type: reliable\n"
     "1:92: feed.max_sources needs feed.type: reliable\n"},
    {STREAM "feed: {type: reliable, bind: 'tcp://127.0.0.1:2', window: 1023}, " MODEL
            "}}\n",
     "1:89: feed.window '1023' is out of range: 1KiB to 1GiB\n"},
    {STREAM FEED MODEL ", key: topic}}\n",
     "1:98: key 'topic' needs feed.type: sub and a feed.topic\n"},
};

static const struct bad_file values[] = {
    {GOOD "workers: ten\n", "2:10: workers 'ten' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 3.5\n", "2:10: workers '3.5' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 0o17\n", "2:10: workers '0o17' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 017\n", "2:10: workers '017' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 0x1\n", "2:10: workers '0x1' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: yes\n", "2:10: workers 'yes' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: -1\n", "2:10: workers '-1' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: +1\n", "2:10: workers '+1' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 1e3\n", "2:10: workers '1e3' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 1_0\n", "2:10: workers '1_0' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: '1'\n", "2:10: workers '1' is not a whole number: 1 to 1024\n"},
    {GOOD "workers:\n", "2:9: workers has no value: 1 to 1024\n"},
    {GOOD "workers: ~\n", "2:10: workers '~' is not a whole number: 1 to 1024\n"},
    {GOOD "workers: [1]\n",
     "2:10: workers is a list and is not a whole number: 1 to 1024\n"},
    {GOOD "workers: {a: 1}\n",
     "2:10: workers is a map and is not a whole number: 1 to 1024\n"},
    {GOOD "workers: 0\n", "2:10: workers '0' is out of range: 1 to 1024\n"},
    {GOOD "workers: 1025\n", "2:10: workers '1025' is out of range: 1 to 1024\n"},
    {GOOD "workers: 99999999999999999999\n",
     "2:10: workers '99999999999999999999' is out of range: 1 to 1024\n"},
    {GOOD "log: {level: fatal, format: xml}\n",
     "2:14: log.level 'fatal' is not one of: debug, info, warn, error\n"
     "2:29: log.format 'xml' is not one of: text, json\n"},
    {GOOD "state: ''\n", "2:8: state '' is not a path\n"},
    {GOOD "state: null\n", "2:8: state 'null' is not a path\n"},
    {STREAM FEED "model: {components: 0}}}\n",
     "1:89: model.components '0' is out of range: 1 to 349525\n"},
    {STREAM FEED "model: {components: 1000000000}}}\n",
     "1:89: model.components '1000000000' is out of range: 1 to 349525\n"},
    {STREAM FEED "model: {components: 200000}}}\n",
     "1:89: model.components '200000' is too large: K(D+1)(D+2)/2 may be 2^20, with 2 "
     "fields "
     "K may be 174762\n"},
    {STREAM FEED "model: {components: 2, family: student, covariance: round}}}\n",
     "1:100: model.family 'student' is not one of: gaussian, poisson, "
     "exponential, bernoulli, log-normal, gamma, categorical, von-mises, student-t\n"
     "1:121: model.covariance 'round' is not one of: full, diag, spherical, tied\n"},
    {STREAM FEED "model: {components: 2, resolution: [1, 2, -3]}}}\n",
     "1:111: model.resolution '-3' is out of range: 0 to 1e+150\n"},
    {STREAM FEED "model: {components: 2, resolution: [1, 2, 3]}}}\n",
     "1:104: model.resolution has 3 numbers: one, or one for each of 2 fields\n"},
    {STREAM FEED MODEL ", learn: {step: {exponent: 0.5}}}}\n",
     "1:118: learn.step.exponent '0.5' is out of range: above 0.5, at most 1\n"},
    {STREAM FEED MODEL ", learn: {step: {exponent: 1.01}}}}\n",
     "1:118: learn.step.exponent '1.01' is out of range: above 0.5, at most 1\n"},
    {STREAM FEED MODEL ", learn: {step: {exponent: .inf}}}}\n",
     "1:118: learn.step.exponent '.inf' is not a number: above 0.5, at most 1\n"},
    {STREAM FEED MODEL ", learn: {step: 0.7}}}\n",
     "1:107: learn.step is not a map of keys\n"},
    {STREAM FEED MODEL ", learn: {warmup: 5}}}\n",
     "1:109: learn.warmup '5' is too small: K(D+1) = 6 at least\n"},
    {STREAM FEED MODEL ", learn: {block: 65537, seed: -1}}}\n",
     "1:108: learn.block '65537' is out of range: 1 to 65536\n"
     "1:121: learn.seed '-1' is not a whole number: 0 to 18446744073709551615\n"},
    {STREAM FEED MODEL ", learn: {seed: 18446744073709551616}}}\n",
     "1:107: learn.seed '18446744073709551616' is out of range: 0 to "
     "18446744073709551615\n"},
    {STREAM FEED MODEL ", publish: {every: 1}}}\n",
     "1:110: publish.every '1' is not a number with one of the units ms s min h d: 1ms "
     "to "
     "1d\n"},
    {STREAM FEED MODEL ", publish: {every: 0s}}}\n",
     "1:110: publish.every '0s' is out of range: 1ms to 1d\n"},
    {STREAM FEED MODEL ", publish: {every: -1s}}}\n",
     "1:110: publish.every '-1s' is out of range: 1ms to 1d\n"},
    {STREAM FEED MODEL ", publish: {every: 1e999s}}}\n",
     "1:110: publish.every '1e999s' is out of range: 1ms to 1d\n"},
    {STREAM "feed: {bind: 'ipc://a', max_message: 1MB, queue: 0}, " MODEL "}}\n",
     "1:68: feed.max_message '1MB' is not a whole number with one of the units KiB MiB "
     "GiB: "
     "64 to 1GiB\n"
     "1:80: feed.queue '0' is out of range: 1 to 1000000\n"},
    {STREAM "feed: {bind: 'ipc://a', max_message: 2GiB}, " MODEL "}}\n",
     "1:68: feed.max_message '2GiB' is out of range: 64 to 1GiB\n"},
    {STREAM "feed: {bind: 'ipc://a', type: push, topic: last, format: xml}, " MODEL
            "}}\n",
     "1:61: feed.type 'push' is not one of: pull, sub, reliable\n"
     "1:74: feed.topic 'last' is not one of: none, frame, space\n"
     "1:88: feed.format 'xml' is not one of: auto, json, csv, array, npy, f64, f32\n"},
};

static const struct bad_file columns[] = {
    {"streams: {s: {fields: a, " FEED MODEL "}}\n",
     "1:23: fields 'a' is not a list of names: [temperature, pressure]\n"},
    {"streams: {s: {fields: [], " FEED MODEL "}}\n",
     "1:23: fields has 0 items: 1 to 256\n"},
    {"streams: {s: {fields: [a, b, a], " FEED MODEL "}}\n",
     "1:30: fields 'a' stands twice\n"},
    {"streams: {s: {fields: [a, -, ''], " FEED MODEL "}}\n",
     "1:27: fields '-' is not a name: - stands for a column that is skipped\n"
     "1:30: fields '' is not a name\n"},
    {"streams: {s: {fields: [a, [b]], " FEED MODEL "}}\n",
     "1:27: fields is a list and is not a name\n"},
    {"streams: {s: {dimensions: 257, " FEED MODEL "}}\n",
     "1:27: dimensions '257' is out of range: 1 to 256\n"},
    {STREAM "columns: [a, c], " FEED MODEL "}}\n", "1:40: columns lacks the field 'b'\n"},
    {STREAM "columns: [a, b], time: t, " FEED MODEL "}}\n",
     "1:40: columns lacks 't', which time names\n"},
    {STREAM "columns: [a, b, a], " FEED MODEL "}}\n", "1:47: columns 'a' stands twice\n"},
    {STREAM "time: a, " FEED MODEL "}}\n", "1:37: column 'a' has another use already\n"},
    {STREAM "time: t, weight: t, " FEED MODEL "}}\n",
     "1:48: column 't' has another use already\n"},
    {STREAM "missing: keep, max_keys: 0, stale_after: soon, " FEED MODEL "}}\n",
     "1:40: missing 'keep' is not one of: reject, marginalize\n"
     "1:56: max_keys '0' is out of range: 1 to 1000000\n"
     "1:72: stale_after 'soon' is not a number with one of the units ms s min h d: 1ms "
     "to "
     "366d\n"},
};

static const struct bad_file endpoints[] = {
    {GOOD "publish: {bind: 'tcp://127.0.0.1:70000'}\n",
     "2:17: publish.bind 'tcp://127.0.0.1:70000' has a port that is not 1 to 65535 or "
     "*\n"},
    {GOOD "publish: {bind: 'udp://127.0.0.1:7000'}\n",
     "2:17: publish.bind 'udp://127.0.0.1:7000' is not tcp://ADDRESS:PORT or "
     "ipc://PATH\n"},
    {GOOD "publish: {bind: 5571}\n",
     "2:17: publish.bind '5571' is not tcp://ADDRESS:PORT or ipc://PATH\n"},
    {GOOD "publish: {bind: []}\n", "2:17: publish.bind has 0 items: 1 to 16\n"},
    {GOOD "publish: {bind: 'tcp://*:5571'}\n",
     "2:17: publish.bind 'tcp://*:5571' is not a loopback address: " CURVE},
    {GOOD "publish: {bind: 'tcp://0.0.0.0:5571'}\n",
     "2:17: publish.bind 'tcp://0.0.0.0:5571' is not a loopback address: " CURVE},
    {GOOD "publish: {bind: 'tcp://[::]:5571'}\n",
     "2:17: publish.bind 'tcp://[::]:5571' is not a loopback address: " CURVE},
    {GOOD "control: {bind: 'tcp://eth0:5571'}\n",
     "2:17: control.bind 'tcp://eth0:5571' has a name in place of an address such as "
     "127.0.0.1 or [::1]: " CURVE},
    {STREAM "feed: {bind: 'tcp://192.168.1.2:1'}, " MODEL "}}\n",
     "1:44: feed.bind 'tcp://192.168.1.2:1' is not a loopback address: " CURVE},
    {STREAM "feed: {connect: 'tcp://db.example:1'}, " MODEL "}}\n",
     "1:47: feed.connect 'tcp://db.example:1' has a name in place of an address such as "
     "127.0.0.1 or [::1]\n"},
    {STREAM "feed: {connect: 'tcp://10.0.0.1:*'}, " MODEL "}}\n",
     "1:47: feed.connect 'tcp://10.0.0.1:*' is a connection, which needs a port: 1 to "
     "65535\n"},
    {GOOD "publish: {bind: ['tcp://127.0.0.1:5570', 'tcp://127.0.0.1:5572']}\n",
     "2:18: publish.bind 'tcp://127.0.0.1:5570' stands twice, first on line 1\n"},
    {STREAM "feed: {bind: ['tcp://[0:0:0::1]:9', 'tcp://[::1]:9']}, " MODEL "}}\n",
     "1:67: feed.bind 'tcp://[::1]:9' stands twice, first on line 1\n"},
    {STREAM "feed: {bind: [ipc://a/../b, ipc://./b]}, " MODEL "}}\n",
     "1:59: feed.bind 'ipc://FOLDER/b' stands twice, first on line 1\n"},
    {STREAM "feed: {bind: 'tcp://127.0.0.1:5571'}, " MODEL "}}\n",
     "1:44: feed.bind 'tcp://127.0.0.1:5571' is the default of publish.bind\n"},
    {"streams:\n"
     "  a: {fields: [a], feed: {connect: 'tcp://10.0.0.1:1'}, model: {components: 1}}\n"
     "  b: {fields: [a], feed: {connect: 'tcp://10.0.0.1:1'}, model: {components: 1}}\n",
     "3:36: feed.connect 'tcp://10.0.0.1:1' stands twice, first on line 2\n"},
    {GOOD "state: /0123456789012345678901234567890123456789012345678901234567890123456789"
          "01234567890123456789012345\n",
     "2:8: control.bind "
     "'ipc:///01234567890123456789012345678901234567890123456789012...' has "
     "a path, made absolute, of more than 107 bytes\n"},
};

/* The text with the name of the temporary folder put in for FOLDER. */
static char *with_folder(const char *text)
{
    const char *mark = strstr(text, "FOLDER");
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    if (mark == NULL) {
        fputs(text, stream);
    } else {
        fprintf(stream, "%.*s%s%s", (int)(mark - text), text, file_folder,
                mark + strlen("FOLDER"));
    }
    fclose(stream);
    return out;
}

static void check_bad(const struct bad_file *bad)
{
    int code = 0;
    file_start();
    file_write(bad->text, strlen(bad->text));
    char *found = file_findings(&code);
    char *expected = with_folder(bad->findings);
    if (strcmp(found, expected) != 0) {
        ck_abort_msg("\n%s\nsaid\n%sexpected\n%s", bad->text, found, expected);
    }
    ck_assert_int_eq(code, EX_CONFIG);
    free(expected);
    free(found);
    file_stop();
}

START_TEST(bad_structure_is_told_with_its_place)
{
    check_bad(&structure[_i]);
}
END_TEST

START_TEST(bad_keys_are_told_with_a_suggestion)
{
    check_bad(&keys[_i]);
}
END_TEST

START_TEST(bad_values_are_told_with_what_is_right)
{
    check_bad(&values[_i]);
}
END_TEST

START_TEST(bad_columns_are_told)
{
    check_bad(&columns[_i]);
}
END_TEST

START_TEST(bad_endpoints_are_told)
{
    check_bad(&endpoints[_i]);
}
END_TEST

/* Files that are not files, or not there. */
START_TEST(what_is_not_a_file_is_refused_at_once)
{
    int code = 0;
    file_start();
    char *found = file_findings(&code);
    ck_assert_str_eq(found, "No such file or directory\n");
    ck_assert_int_eq(code, EX_NOINPUT);
    free(found);
    ck_assert_int_eq(mkdir(file_path, 0700), 0);
    found = file_findings(&code);
    ck_assert_str_eq(found, "is a folder: a file is needed\n");
    ck_assert_int_eq(code, EX_CONFIG);
    free(found);
    ck_assert_int_eq(rmdir(file_path), 0);
    ck_assert_int_eq(mkfifo(file_path, 0600), 0);
    found = file_findings(&code);
    ck_assert_str_eq(found, "is not a regular file\n");
    free(found);
    ck_assert_int_eq(unlink(file_path), 0);
    ck_assert_int_eq(symlink("c.yaml", file_path), 0);
    found = file_findings(&code);
    ck_assert_str_eq(found, "Too many levels of symbolic links\n");
    ck_assert_int_eq(code, EX_CONFIG);
    free(found);
    file_stop();
}
END_TEST

/* Files of nearly 1 MiB that cost most where the reader is careless: each of these a
 * text that is repeated. */
static const char *const heavy[] = {
    "[",
    "[\n",
    "{a: ",
    "- ",
    "? ",
    "a: {",
    "'",
    "\"",
    "&a ",
    "!a ",
    "%TAG !a! b\n",
    "a: b\n",
    "a:\n",
    "#\n",
    "a b\n",
    "- a\n",
    "x, ",
    "|\n ",
    "[],",
    "\xc3\xa9",
    "---\n",
    "components: 1\n",
};

/* The promise is a second; sanitizers take about five times as long. */
#define SECONDS_MAX (UNIT_IS_SANITIZED ? 5 : 1)

START_TEST(every_file_is_judged_within_a_second)
{
    const size_t size = 1024 * 1024;
    const size_t length = strlen(heavy[_i]);
    char *text = malloc(size);
    for (size_t i = 0; i < size; i++) {
        text[i] = heavy[_i][i % length];
    }
    struct timespec start, end;
    int code = 0;
    file_start();
    file_write(text, size);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    char *found = file_findings(&code);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    const double seconds = (double)(end.tv_sec - start.tv_sec) +
                           (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
    ck_assert_msg(seconds < SECONDS_MAX, "'%s' took %g s", heavy[_i], seconds);
    ck_assert_int_eq(code, EX_CONFIG);
    free(found);
    free(text);
    file_stop();
}
END_TEST

START_TEST(a_file_over_1_mib_is_refused)
{
    char *text = calloc(1, 1024 * 1024 + 2);
    memset(text, '#', 1024 * 1024 + 1);
    int code = 0;
    file_start();
    file_write(text, 1024 * 1024 + 1);
    char *found = file_findings(&code);
    ck_assert_str_eq(found, "is larger than 1 MiB\n");
    ck_assert_int_eq(code, EX_CONFIG);
    free(found);
    free(text);
    file_stop();
}
END_TEST

START_TEST(a_minimal_file_has_the_documented_defaults)
{
    file_start();
    struct config *config = file_read_good("streams:\n"
                                           "  boiler:\n"
                                           "    fields: [temperature, pressure]\n"
                                           "    feed: {bind: \"tcp://127.0.0.1:5570\"}\n"
                                           "    model: {components: 3}\n");
    const struct stream_config *stream = &config->streams[0];
    ck_assert_str_eq(config->path, file_path);
    ck_assert_str_eq(config->publish_bind.item[0], "tcp://127.0.0.1:5571");
    ck_assert_uint_ge(config->workers, 1);
    ck_assert_int_eq(config->log_level, LEVEL_INFO);
    ck_assert_uint_eq(config->n_streams, 1);
    ck_assert_str_eq(stream->name, "boiler");
    ck_assert_uint_eq(stream->layout->n_columns, 2);
    ck_assert_uint_eq(stream->layout->n_fields, 2);
    ck_assert_int_eq(stream->feed.type, FEED_PULL);
    ck_assert(stream->feed.binds);
    ck_assert_int_eq(stream->feed.topic, TOPIC_NONE);
    ck_assert_ptr_null(stream->feed.format);
    ck_assert_uint_eq(stream->feed.queue, 1000);
    ck_assert_uint_eq(stream->feed.max_message, 1024 * 1024);
    ck_assert_uint_eq(stream->mix.dimensions, 2);
    ck_assert_uint_eq(stream->mix.components, 3);
    ck_assert_int_eq(stream->mix.covariance, MIX_FULL);
    ck_assert_uint_eq(stream->mix.block, 256);
    ck_assert_uint_eq(stream->mix.warmup, 0);
    ck_assert_uint_eq(stream->mix.seed, 1);
    ck_assert_ptr_null(stream->mix.resolution);
    ck_assert(stream->publish_every_s == 1);
    ck_assert_uint_eq(stream->publish_updates, 0);
    config_destroy(&config);
    file_stop();
}
END_TEST

START_TEST(every_key_reaches_its_member)
{
    file_start();
    struct config *config = file_read_good(
        "state: s\n"
        "workers: 3\n"
        "log: {level: debug, format: json}\n"
        "streams:\n"
        "  a.b-c_1:\n"
        "    fields: [y, x]\n"
        "    columns: [t, x, -, w, y, -, k]\n"
        "    time: t\n"
        "    weight: w\n"
        "    key: k\n"
        "    max_keys: 7\n"
        "    missing: marginalize\n"
        "    stale_after: 1.5min\n"
        "    feed: {type: sub, connect: [\"tcp://10.1.2.3:80\", ipc://p], subscribe: [p, "
        "q],\n"
        "           topic: space, format: csv, queue: 5, max_message: 64KiB}\n"
        "    model: {family: gaussian, components: 4, covariance: tied, resolution: "
        "0.5}\n"
        "    learn: {block: 32, step: {exponent: 0.7, offset: 2}, warmup: 500,\n"
        "            seed: 18446744073709551615}\n"
        "    start: m.json\n"
        "    publish: {every: 250ms, updates: 10}\n");
    const struct stream_config *stream = &config->streams[0];
    char *state = with_folder("FOLDER/s");
    char *control = with_folder("ipc://FOLDER/s/control.sock");
    char *start = with_folder("FOLDER/m.json");
    char *ipc = with_folder("ipc://FOLDER/p");
    ck_assert_str_eq(config->state_path, state);
    ck_assert_str_eq(config->control_bind, control);
    ck_assert_str_eq(stream->start_path, start);
    ck_assert_uint_eq(stream->feed.endpoints.n, 2);
    ck_assert_str_eq(stream->feed.endpoints.item[1], ipc);
    ck_assert_uint_eq(config->workers, 3);
    ck_assert_int_eq(config->log_level, LEVEL_DEBUG);
    ck_assert_int_eq(config->log_format, LOG_JSON);
    ck_assert_uint_eq(stream->layout->n_columns, 7);
    ck_assert_int_eq(stream->layout->columns[0].role, COLUMN_TIME);
    ck_assert_int_eq(stream->layout->columns[2].role, COLUMN_SKIP);
    ck_assert_uint_eq(stream->layout->columns[4].field, 0);
    ck_assert(stream->layout->marginalize && stream->mix.marginalize);
    ck_assert_uint_eq(stream->max_keys, 7);
    ck_assert(stream->stale_after_s == 90);
    ck_assert_int_eq(stream->feed.type, FEED_SUB);
    ck_assert(!stream->feed.binds);
    ck_assert_str_eq(stream->feed.subscribe.item[1], "q");
    ck_assert_int_eq(stream->feed.topic, TOPIC_SPACE);
    ck_assert_str_eq(stream->feed.format->name, "csv");
    ck_assert_uint_eq(stream->feed.max_message, 65536);
    ck_assert_int_eq(stream->mix.covariance, MIX_TIED);
    ck_assert(stream->mix.resolution[0] == 0.5 && stream->mix.resolution[1] == 0.5);
    ck_assert_uint_eq(stream->mix.block, 32);
    ck_assert(stream->mix.step_exponent == 0.7 && stream->mix.step_offset == 2);
    ck_assert_uint_eq(stream->mix.warmup, 500);
    ck_assert_uint_eq(stream->mix.seed, UINT64_MAX);
    ck_assert(stream->publish_every_s == 0.25);
    ck_assert_uint_eq(stream->publish_updates, 10);
    free(state);
    free(control);
    free(start);
    free(ipc);
    config_destroy(&config);
    file_stop();
}
END_TEST

START_TEST(columns_follow_from_fields_and_roles)
{
    file_start();
    struct config *config = file_read_good(STREAM "time: t, key: k, " FEED MODEL "}}\n");
    const struct layout *layout = config->streams[0].layout;
    ck_assert_uint_eq(layout->n_columns, 4);
    ck_assert_int_eq(layout->columns[2].role, COLUMN_TIME);
    ck_assert_int_eq(layout->columns[3].role, COLUMN_KEY);
    config_destroy(&config);
    file_stop();
}
END_TEST

START_TEST(key_topic_takes_the_topic_of_a_subscription)
{
    file_start();
    struct config *config = file_read_good(
        STREAM "feed: {type: sub, connect: 'tcp://10.0.0.1:1'}, key: topic, " MODEL
               "}}\n");
    const struct stream_config *stream = &config->streams[0];
    ck_assert(stream->key_is_topic);
    ck_assert_ptr_null(stream->key);
    ck_assert_uint_eq(stream->layout->n_columns, 2);
    ck_assert_int_eq(stream->feed.topic, TOPIC_FRAME);
    ck_assert_str_eq(stream->feed.subscribe.item[0], "");
    config_destroy(&config);
    file_stop();
}
END_TEST

/* ZeroMQ has it so: one publisher, many subscribers. */
START_TEST(two_subscriptions_may_share_a_publisher)
{
    file_start();
    struct config *config = file_read_good(
        "streams:\n"
        "  a: {fields: [a], feed: {type: sub, connect: 'tcp://10.0.0.1:1'},"
        " model: {components: 1}}\n"
        "  b: {fields: [a], feed: {type: sub, connect: 'tcp://10.0.0.1:1'},"
        " model: {components: 1}}\n");
    ck_assert_uint_eq(config->n_streams, 2);
    config_destroy(&config);
    file_stop();
}
END_TEST

START_TEST(a_configuration_may_be_json_with_a_byte_order_mark)
{
    file_start();
    struct config *config = file_read_good(
        "\xef\xbb\xbf{\"streams\": {\"s\": {\"dimensions\": 2, \"feed\": {\"bind\": "
        "\"tcp://127.0.0.1:*\"}, \"model\": {\"components\": 2}}}}\r\n");
    ck_assert_str_eq(config->streams[0].fields.item[1], "x1");
    config_destroy(&config);
    file_stop();
}
END_TEST

/* --state, the key, $STATE_DIRECTORY, mixd-state beside the file. */
START_TEST(the_state_is_found_in_the_documented_order)
{
    struct config_errors errors;
    int code;
    file_start();
    struct config *config = file_read_good(GOOD);
    char *beside = with_folder("FOLDER/mixd-state");
    ck_assert_str_eq(config->state_path, beside);
    free(beside);
    config_destroy(&config);
    ck_assert_int_eq(setenv("STATE_DIRECTORY", "/var/lib/mixd:/other", 1), 0);
    config = file_read_good(GOOD);
    ck_assert_str_eq(config->state_path, "/var/lib/mixd");
    config_destroy(&config);
    config = file_read_good(GOOD "state: /here\n");
    ck_assert_str_eq(config->state_path, "/here");
    config_destroy(&config);
    config = config_read(file_path, "/option", &errors, &code);
    ck_assert_str_eq(config->state_path, "/option");
    ck_assert_str_eq(config->control_bind, "ipc:///option/control.sock");
    config_destroy(&config);
    file_stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(bad_structure_is_told_with_its_place, structure),
        UNIT_LOOP(bad_keys_are_told_with_a_suggestion, keys),
        UNIT_LOOP(bad_values_are_told_with_what_is_right, values),
        UNIT_LOOP(bad_columns_are_told, columns),
        UNIT_LOOP(bad_endpoints_are_told, endpoints),
        UNIT(what_is_not_a_file_is_refused_at_once),
        UNIT_LOOP(every_file_is_judged_within_a_second, heavy),
        UNIT(a_file_over_1_mib_is_refused),
        UNIT(a_minimal_file_has_the_documented_defaults),
        UNIT(every_key_reaches_its_member),
        UNIT(columns_follow_from_fields_and_roles),
        UNIT(key_topic_takes_the_topic_of_a_subscription),
        UNIT(two_subscriptions_may_share_a_publisher),
        UNIT(a_configuration_may_be_json_with_a_byte_order_mark),
        UNIT(the_state_is_found_in_the_documented_order),
    };
    return unit_run("config", tests, COUNT(tests));
}
