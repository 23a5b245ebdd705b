/* SPDX-License-Identifier: MIT
 *
 * The model that a stream starts from is read, or refused with its place. */
#include "start.h"

#include "config_file.h"
#include "unit.h"

#define GAUSSIAN "{\"family\":\"gaussian\",\"covariance_type\":\"full\","
#define ONE "\"weights\":[1],\"means\":[[3,4]],\"covariances\":[[[1,0],[0,1]]]}"

/* Model files, the code with which each is refused (0: it is read), and the cause. */
static const struct {
    const char *text; /* NULL: there is no file */
    int code;
    const char *cause;
} files[] = {
    {GAUSSIAN ONE, 0, NULL},
    {GAUSSIAN "\"fields\":[\"a\",\"b\"]," ONE, 0, NULL},
    {GAUSSIAN "\"fields\":[\"b\",\"a\"]," ONE, 65, "fields"},
    {GAUSSIAN "\"fields\":[\"a\"]," ONE, 65, "fields"},
    {GAUSSIAN "\"fields\":[1,2]," ONE, 65, "fields"},
    {GAUSSIAN "\"weights\":[0.5,0.5],\"means\":[[3,4],[5,6]],"
              "\"covariances\":[[[1,0],[0,1]],[[1,0],[0,1]]]}",
     65, "model.components"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1],"
     "\"means\":[[3,4]],\"covariances\":[[1,1]]}",
     65, "model.covariance"},
    {"{\"family\":\"poisson\",\"weights\":[1],\"parameters\":{\"rate\":[[3,4]]}}", 65,
     "model.family"},
    {"{\"weights\":[1]}", 65, "missing"},
    {"{\"family\":", 65, "start.json:1:10: "},
    {"", 65, "start.json"},
    {NULL, 66, "No such file"},
};

START_TEST(a_model_file_is_read_or_refused)
{
    struct fault fault = {0};
    char path[96];
    file_start();
    snprintf(path, sizeof(path), "%s/start.json", file_folder);
    if (files[_i].text != NULL) {
        FILE *file = fopen(path, "w");
        fputs(files[_i].text, file);
        fclose(file);
    }
    struct config *config = file_read_good(
        "streams:\n  s:\n    fields: [a, b]\n    feed: {bind: \"tcp://127.0.0.1:*\"}\n"
        "    model: {components: 1}\n    start: start.json\n");
    struct mix_model *model = start_read(&config->streams[0], &fault);
    ck_assert_msg(fault.code == files[_i].code, "%d: %s", fault.code, fault.text);
    ck_assert_int_eq(model != NULL, files[_i].code == 0);
    if (model != NULL) {
        ck_assert_double_eq(mix_model_means(model)[1], 4);
    } else {
        ck_assert_msg(strstr(fault.text, "streams.s.start: ") == fault.text, "%s",
                      fault.text);
        ck_assert_msg(strstr(fault.text, path) != NULL, "%s", fault.text);
        ck_assert_msg(strstr(fault.text, files[_i].cause) != NULL, "%s", fault.text);
    }
    mix_model_destroy(&model);
    config_destroy(&config);
    unlink(path);
    file_stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_model_file_is_read_or_refused, files),
    };
    return unit_run("start", tests, COUNT(tests));
}
