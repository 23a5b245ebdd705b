/* SPDX-License-Identifier: MIT
 *
 * The table of commands, and what is no request. */
#include "commands.h"

#include <string.h>

#include "unit.h"

START_TEST(every_row_is_complete)
{
    size_t n = 0;
    for (const struct command *row = command_table(); row->name != NULL; row++) {
        n++;
        ck_assert_ptr_eq(command_find(row->name), row); /* no name stands twice */
        ck_assert_msg(row->help != NULL && row->help[0] != '\0', "%s: help", row->name);
        const bool is_asked = row->place == COMMAND_STREAM || row->place == COMMAND_EVERY;
        ck_assert_msg((row->ask != NULL) == is_asked, "%s: ask", row->name);
        ck_assert_msg(row->place != COMMAND_HERE || row->here != NULL, "%s", row->name);
        const bool names_stream = row->arguments[0].name != NULL &&
                                  strcmp(row->arguments[0].name, "stream") == 0;
        ck_assert_msg(names_stream ==
                          (row->place == COMMAND_STREAM || row->place == COMMAND_HISTORY),
                      "%s", row->name);
        for (size_t i = 0; i < COMMAND_ARGUMENTS && row->arguments[i].name != NULL; i++) {
            const bool is_timeout = strcmp(row->arguments[i].name, "timeout") == 0;
            ck_assert_msg(!is_timeout || row->timeout_s > 0, "%s: timeout", row->name);
        }
    }
    ck_assert_uint_ge(n, 14);
    ck_assert_ptr_null(command_find("nothing"));
    ck_assert_ptr_null(command_find(""));
}
END_TEST

/* The manual page has every command, and no other. */
START_TEST(the_manual_page_has_every_row)
{
    const char *folder = getenv("abs_srcdir");
    char path[4096];
    snprintf(path, sizeof(path), "%s/daemon/mixd.8.scd", folder != NULL ? folder : ".");
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    static char page[1 << 16];
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    const char *section = strstr(page, "# CONTROL");
    ck_assert_ptr_nonnull(section);
    for (const struct command *row = command_table(); row->name != NULL; row++) {
        char name[64];
        snprintf(name, sizeof(name), "*%s*", row->name);
        ck_assert_msg(strstr(section, name) != NULL, "%s: not in mixd.8", row->name);
    }
}
END_TEST

/* Requests and the code they fail with; OK: they are read. */
static const struct {
    const char *text;
    enum request_code code;
} requests[] = {
    {"{\"command\":\"version\"}", CODE_OK},
    {" { \"command\" : \"model\" , \"stream\" : \"a\" , \"key\" : null } \n", CODE_OK},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":9007199254740992}", CODE_OK},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":0,\"timeout\":0}", CODE_OK},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1e3,\"since\":2.0}", CODE_OK},
    {"", CODE_ARGUMENT},
    {"version", CODE_ARGUMENT},
    {"null", CODE_ARGUMENT},
    {"[]", CODE_ARGUMENT},
    {"{}", CODE_ARGUMENT},
    {"{\"command\":1}", CODE_ARGUMENT},
    {"{\"command\":\"version\"", CODE_ARGUMENT},
    {"{\"command\":\"version\"} {}", CODE_ARGUMENT},
    {"{\"command\":\"version\",\"command\":\"version\"}", CODE_ARGUMENT},
    {"{\"command\":\"\\u0000\"}", CODE_ARGUMENT},
    {"{\"command\":\"\\ud800\"}", CODE_ARGUMENT},
    {"{\"command\":\"\xff\"}", CODE_ARGUMENT},
    {"{\"command\":\"nothing\"}", CODE_UNKNOWN_COMMAND},
    {"{\"command\":\"\"}", CODE_UNKNOWN_COMMAND},
    {"{\"command\":\"version\",\"stream\":\"a\"}", CODE_ARGUMENT},
    {"{\"command\":\"version\",\"more\":null}", CODE_ARGUMENT},
    {"{\"command\":\"model\"}", CODE_ARGUMENT},
    {"{\"command\":\"model\",\"stream\":null}", CODE_ARGUMENT},
    {"{\"command\":\"model\",\"stream\":1}", CODE_ARGUMENT},
    {"{\"command\":\"model\",\"stream\":\"a\",\"key\":1}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\"}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":-1}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1.5}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":9007199254740993}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1e16}", CODE_ARGUMENT},
    {"{\"command\":\"wait\",\"stream\":\"a\",\"error\":0}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1,\"timeout\":-1}", CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1,\"timeout\":86401}",
     CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"a\",\"sent\":1,\"timeout\":\"1\"}",
     CODE_ARGUMENT},
    {"{\"command\":\"sample\",\"stream\":\"a\",\"n\":0}", CODE_ARGUMENT},
    {"{\"command\":\"score\",\"stream\":\"a\",\"point\":1}", CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"a\",\"fields\":\"b\"}", CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"a\"}", CODE_ARGUMENT},
    {"{\"command\":\"wait\",\"stream\":\"a\",\"log_likelihood\":\"x\"}", CODE_ARGUMENT},
};

START_TEST(a_request_is_read_or_refused)
{
    struct request *request = request_new(REQUEST_COMMAND);
    command_read(request, requests[_i].text, strlen(requests[_i].text));
    ck_assert_msg(request->code == requests[_i].code, "%s: %s: %s", requests[_i].text,
                  request_code_name(request->code), request->error);
    ck_assert(request->code != CODE_OK || request->command != NULL);
    request_destroy(&request);
}
END_TEST

START_TEST(a_request_has_a_largest_size)
{
    char *text = malloc(COMMAND_SIZE_MAX + 1);
    memset(text, ' ', COMMAND_SIZE_MAX + 1);
    memcpy(text, "{\"command\":\"version\"}", 21);
    for (size_t size = COMMAND_SIZE_MAX; size <= COMMAND_SIZE_MAX + 1; size++) {
        struct request *request = request_new(REQUEST_COMMAND);
        command_read(request, text, size);
        ck_assert_int_eq(request->code,
                         size <= COMMAND_SIZE_MAX ? CODE_OK : CODE_REFUSED);
        request_destroy(&request);
    }
    memset(text, '[', COMMAND_SIZE_MAX);
    struct request *request = request_new(REQUEST_COMMAND);
    command_read(request, text, COMMAND_SIZE_MAX);
    ck_assert_int_eq(request->code, CODE_ARGUMENT);
    request_destroy(&request);
    free(text);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(every_row_is_complete),
        UNIT(the_manual_page_has_every_row),
        UNIT_LOOP(a_request_is_read_or_refused, requests),
        UNIT(a_request_has_a_largest_size),
    };
    return unit_run("commands", tests, COUNT(tests));
}
