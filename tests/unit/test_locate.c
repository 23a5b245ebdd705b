/* SPDX-License-Identifier: MIT */
#include "locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

/* A folder that is the current one during a test. */
static char folder[64];

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/mixd-locate-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    unsetenv("MIXD_CONTROL");
    unsetenv("STATE_DIRECTORY");
}

static void teardown(void)
{
    unlink("c.yaml");
    unlink("mixd-state/control.sock");
    unlink("mixd-state/endpoints.json");
    rmdir("mixd-state");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void check_place(const struct place *place, const char *wanted)
{
    struct failure failure = {0};
    char *endpoint = locate_control(place, &failure);
    ck_assert_msg(endpoint != NULL, "%s", failure.text);
    ck_assert_str_eq(endpoint, wanted);
    free(endpoint);
}

START_TEST(places_are_tried_in_order)
{
    setup();
    const struct place nowhere = {0};
    mkdir("mixd-state", 0700);
    put("mixd-state/control.sock", "");
    put("c.yaml", "control: {bind: \"tcp://127.0.0.1:3\"}\n");
    check_place(&nowhere, "ipc://mixd-state/control.sock");
    const struct place config = {.config = "c.yaml"};
    check_place(&config, "tcp://127.0.0.1:3");
    setenv("MIXD_CONTROL", "tcp://127.0.0.1:2", 1);
    check_place(&config, "tcp://127.0.0.1:2");
    const struct place both = {.control = "tcp://127.0.0.1:1", .config = "c.yaml"};
    check_place(&both, "tcp://127.0.0.1:1");
    teardown();
}
END_TEST

START_TEST(the_error_names_every_place)
{
    static const char *const places[] = {"--control", "MIXD_CONTROL", "-c FILE",
                                         "./mixd-state/control.sock",
                                         "/run/mixd/control.sock"};
    setup();
    const struct place nowhere = {0};
    struct failure failure = {0};
    if (access("/run/mixd/control.sock", F_OK) == -1) {
        ck_assert_ptr_null(locate_control(&nowhere, &failure));
        ck_assert_int_eq(failure.code, EX_UNAVAILABLE);
        for (size_t i = 0; i < COUNT(places); i++) {
            ck_assert_msg(strstr(failure.text, places[i]) != NULL, "%s", failure.text);
        }
    }
    teardown();
}
END_TEST

static const struct {
    const char *config;
    const char *endpoint; /* %s: the folder */
} configs[] = {
    {"streams: {}\n", "ipc://%s/mixd-state/control.sock"},
    {"state: run\n", "ipc://%s/run/control.sock"},
    {"state: /var/lib/mixd\n", "ipc:///var/lib/mixd/control.sock"},
    {"control:\n  bind: ipc://here.sock\n", "ipc://%s/here.sock"},
    {"control: {bind: ipc:///run/mixd/c.sock}\n", "ipc:///run/mixd/c.sock"},
    {"control: {bind: \"tcp://127.0.0.1:5\"}\n", "tcp://127.0.0.1:5"},
    {"control: {bind: \"tcp://127.0.0.1:*\"}\n", "tcp://127.0.0.1:40000"},
};

START_TEST(a_configuration_tells_its_endpoint)
{
    setup();
    char path[96];
    char wanted[128];
    snprintf(path, sizeof(path), "%s/c.yaml", folder);
    put("c.yaml", configs[_i].config);
    mkdir("mixd-state", 0700);
    put("mixd-state/endpoints.json", "{\"control\": \"tcp://127.0.0.1:40000\"}");
    const char *format = configs[_i].endpoint;
    const char *mark = strstr(format, "%s");
    const int head = mark != NULL ? (int)(mark - format) : (int)strlen(format);
    snprintf(wanted, sizeof(wanted), "%.*s%s%s", head, format, mark != NULL ? folder : "",
             mark != NULL ? mark + 2 : "");
    const struct place place = {.config = path};
    check_place(&place, wanted);
    teardown();
}
END_TEST

START_TEST(the_state_folder_of_the_service_manager_counts)
{
    setup();
    put("c.yaml", "streams: {}\n");
    setenv("STATE_DIRECTORY", "/var/lib/mixd", 1);
    const struct place place = {.config = "c.yaml"};
    check_place(&place, "ipc:///var/lib/mixd/control.sock");
    teardown();
}
END_TEST

static const struct {
    const char *config; /* NULL: no file */
    int code;
    const char *part;
} bad[] = {
    {NULL, EX_NOINPUT, "c.yaml: No such file"},
    {"a: [\n", EX_CONFIG, "c.yaml:2:1"},
    {"control: {bind: \"tcp://127.0.0.1:*\"}\n", EX_UNAVAILABLE, "endpoints.json"},
};

START_TEST(a_bad_configuration_is_refused_with_its_place)
{
    setup();
    if (bad[_i].config != NULL) {
        put("c.yaml", bad[_i].config);
    }
    struct failure failure = {0};
    ck_assert_ptr_null(locate_config("c.yaml", &failure));
    ck_assert_msg(failure.code == bad[_i].code, "%d %s", failure.code, failure.text);
    ck_assert_msg(strstr(failure.text, bad[_i].part) != NULL, "%s", failure.text);
    teardown();
}
END_TEST

START_TEST(brackets_without_end_cost_no_time)
{
    setup();
    char *text = calloc(1, 100001);
    memset(text, '[', 100000);
    put("c.yaml", text);
    free(text);
    struct failure failure = {0};
    const double start_s = tool_clock();
    ck_assert_ptr_null(locate_config("c.yaml", &failure));
    ck_assert_int_eq(failure.code, EX_CONFIG);
    ck_assert_double_lt(tool_clock() - start_s, 1);
    teardown();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(places_are_tried_in_order),
        UNIT(the_error_names_every_place),
        UNIT_LOOP(a_configuration_tells_its_endpoint, configs),
        UNIT(the_state_folder_of_the_service_manager_counts),
        UNIT_LOOP(a_bad_configuration_is_refused_with_its_place, bad),
        UNIT(brackets_without_end_cost_no_time),
    };
    return unit_run("locate", tests, COUNT(tests));
}
