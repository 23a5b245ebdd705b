/* SPDX-License-Identifier: MIT
 *
 * The log: what lines look like, that outsiders cannot forge or flood them, and that a
 * standard error which is closed or full harms nobody. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static int reader; /* our end of what the log writes to */
static char said[65536];

/* Standard error becomes a pipe. Check runs each test in a process of its own. */
static void catch_log(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    reader = ends[0];
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    unsetenv("JOURNAL_STREAM");
    signal(SIGPIPE, SIG_IGN);
    log_configure(LEVEL_INFO, LOG_TEXT);
}

/* What was written since the last call. */
static const char *caught(void)
{
    const ssize_t n = read(reader, said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    return said;
}

START_TEST(a_line_of_text_has_time_and_level)
{
    catch_log();
    log_warn("feed '%s': %d", "a", 7);
    const char *line = caught();
    ck_assert_msg(strlen(line) > 25, "%s", line);
    ck_assert_str_eq(line + 24, " warn: feed 'a': 7\n");
    ck_assert_int_eq(line[10], 'T');
    ck_assert_int_eq(line[23], 'Z');
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    catch_log();
    log_debug("no");
    ck_assert_str_eq(caught(), "");
    log_configure(LEVEL_DEBUG, LOG_TEXT);
    log_debug("yes");
    ck_assert_ptr_nonnull(strstr(caught(), "debug: yes\n"));
    log_configure(LEVEL_ERROR, LOG_TEXT);
    log_warn("no");
    ck_assert_str_eq(caught(), "");
    ck_assert(!log_is_enabled(LEVEL_WARN));
}
END_TEST

START_TEST(the_journal_gets_priorities)
{
    struct stat about;
    char stream[64];
    catch_log();
    ck_assert_int_eq(fstat(STDERR_FILENO, &about), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_info("a");
    log_error("b");
    ck_assert_str_eq(caught(), "<6>a\n<3>b\n");
    /* Somebody redirected us: the variable is of another file. */
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_info("a");
    ck_assert_int_ne(caught()[0], '<');
}
END_TEST

START_TEST(json_lines_are_json)
{
    catch_log();
    log_configure(LEVEL_INFO, LOG_JSON);
    log_info("say \"%s\"", "a\\b\nc");
    const char *line = caught();
    ck_assert_msg(strncmp(line, "{\"time\": ", 9) == 0, "%s", line);
    ck_assert_ptr_nonnull(strstr(
        line, ", \"level\": \"info\", \"message\": \"say \\\"a\\\\b\\\\x0ac\\\"\"}\n"));
}
END_TEST

static const struct {
    const char *text;
    const char *escaped;
} texts[] = {
    {"plain", "plain"},
    {"a\n<3>fake", "a\\x0a<3>fake"},
    {"\x1b[2J\x7f\t", "\\x1b[2J\\x7f\\x09"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"\xff\xc3", "\\xff\\xc3"},
};

START_TEST(control_bytes_and_bad_utf8_are_escaped)
{
    char out[64];
    ck_assert_str_eq(log_escape(out, sizeof(out), texts[_i].text, strlen(texts[_i].text)),
                     texts[_i].escaped);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_with_dots)
{
    char out[8];
    ck_assert_str_eq(log_escape(out, sizeof(out), "1234567", 7), "1234567");
    ck_assert_str_eq(log_escape(out, sizeof(out), "12345678", 8), "1234...");
    ck_assert_str_eq(log_escape(out, sizeof(out), "123\n\n\n", 6), "123...");
    ck_assert_str_eq(log_escape(out, sizeof(out), "123\xc3\xa9\xc3\xa9\xc3\xa9", 9),
                     "123...");
    ck_assert_str_eq(log_escape(out, 4, "\n", 1), "...");
    ck_assert_str_eq(log_escape(out, sizeof(out), "", 0), "");
}
END_TEST

START_TEST(a_long_message_stays_one_line)
{
    char *text = malloc(100001);
    memset(text, '"', 100000);
    text[100000] = '\0';
    catch_log();
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        log_configure(LEVEL_INFO, format);
        log_info("%s", text);
        const char *line = caught();
        ck_assert_uint_lt(strlen(line), LOG_LINE_SIZE);
        ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    }
    free(text);
}
END_TEST

START_TEST(a_flood_is_limited_and_counted)
{
    struct log_limit limit = LOG_LIMIT_INIT;
    char expected[64];
    strcpy(limit.subject, "stream s");
    catch_log();
    for (int i = 0; i < 1000; i++) {
        log_limited(&limit, 5000 + i / 2, LEVEL_WARN, "bad message %d", i);
    }
    const char *lines = caught();
    size_t n = 0;
    for (const char *c = lines; *c != '\0'; c++) {
        n += *c == '\n';
    }
    ck_assert_uint_eq(n, limit.lines);
    log_limit_tick(&limit, 5999, LEVEL_WARN);
    ck_assert_str_eq(caught(), "");
    log_limit_tick(&limit, 6000, LEVEL_WARN);
    snprintf(expected, sizeof(expected), "stream s: suppressed %u lines", 1000 - limit.lines);
    ck_assert_ptr_nonnull(strstr(caught(), expected));
    log_limit_tick(&limit, 9000, LEVEL_WARN);
    ck_assert_str_eq(caught(), "");
    log_limited(&limit, 9001, LEVEL_WARN, "again");
    ck_assert_ptr_nonnull(strstr(caught(), "warn: again\n"));
}
END_TEST

static size_t count_lines(const char *lines, const char *of)
{
    size_t n = 0;
    for (const char *c = lines; (c = strstr(c, of)) != NULL; c += strlen(of)) {
        n++;
    }
    return n;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Each subject is within its limit, all together are not. */
START_TEST(a_flood_of_all_together_is_limited_and_counted)
{
    catch_log();
    const int64_t begin_ms = monotonic_ms();
    for (int i = 0; i < 500; i++) {
        struct log_limit limit = LOG_LIMIT_INIT;
        log_limited(&limit, begin_ms, LEVEL_WARN, "flood %d", i);
        log_info("flood %d", i);
    }
    log_error("that must be told");
    /* As a rule it all happens within a second. */
    const int64_t periods = 1 + (monotonic_ms() - begin_ms) / LOG_PERIOD_MS;
    char *lines = strdup(caught());
    const size_t n = count_lines(lines, "flood ");
    ck_assert_uint_ge(n, LOG_LINES_MAX);
    ck_assert_uint_le(n, LOG_LINES_MAX * (size_t)periods);
    ck_assert_ptr_nonnull(strstr(lines, "error: that must be told\n"));
    log_tick(begin_ms);
    ck_assert_uint_eq(count_lines(caught(), "suppressed"), 0);
    log_tick(monotonic_ms() + LOG_PERIOD_MS);
    if (periods == 1) {
        char expected[64];
        snprintf(expected, sizeof(expected), "log: suppressed %zu lines", 1000 - n);
        ck_assert_ptr_nonnull(strstr(caught(), expected));
    }
    log_tick(monotonic_ms() + 2 * LOG_PERIOD_MS);
    ck_assert_str_eq(caught(), "");
    free(lines);
}
END_TEST

/* A reader that does not read: the writer must not wait for it. */
START_TEST(a_full_pipe_drops_lines)
{
    catch_log();
    alarm(10);
    for (int i = 0; i < 10000; i++) {
        log_error("a line that is long enough to fill a pipe of 64 KiB in the end");
    }
    ck_assert_uint_gt(log_dropped(), 0);
    /* What was written is whole lines. */
    const char *lines = caught();
    ck_assert_int_eq(lines[strlen(lines) - 1], '\n');
}
END_TEST

START_TEST(a_closed_standard_error_drops_lines)
{
    catch_log();
    close(reader);
    log_info("nobody");
    ck_assert_uint_eq(log_dropped(), 1);
    close(STDERR_FILENO);
    log_info("nowhere");
    ck_assert_uint_eq(log_dropped(), 2);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_line_of_text_has_time_and_level),
        UNIT(lines_below_the_level_are_dropped),
        UNIT(the_journal_gets_priorities),
        UNIT(json_lines_are_json),
        UNIT_LOOP(control_bytes_and_bad_utf8_are_escaped, texts),
        UNIT(what_does_not_fit_is_cut_with_dots),
        UNIT(a_long_message_stays_one_line),
        UNIT(a_flood_is_limited_and_counted),
        UNIT(a_flood_of_all_together_is_limited_and_counted),
        UNIT(a_full_pipe_drops_lines),
        UNIT(a_closed_standard_error_drops_lines),
    };
    return unit_run("log", tests, COUNT(tests));
}
