/* SPDX-License-Identifier: MIT
 *
 * For the tests of the configuration: one file in a temporary folder. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static char file_folder[64];
static char file_path[80];

/* Makes the folder; file_stop() removes it with the file. */
static inline void file_start(void)
{
    snprintf(file_folder, sizeof(file_folder), "/tmp/mixd-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(file_folder));
    snprintf(file_path, sizeof(file_path), "%s/c.yaml", file_folder);
    unsetenv("STATE_DIRECTORY");
}

static inline void file_stop(void)
{
    unlink(file_path);
    ck_assert_int_eq(rmdir(file_folder), 0);
}

static inline void file_write(const char *text, size_t length)
{
    FILE *file = fopen(file_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

/* What config_read() says of the file, a finding a line, without the path before it;
 * "" if the file is good. Owned by the caller. */
static inline char *file_findings(int *code)
{
    struct config_errors errors;
    struct config *config = config_read(file_path, NULL, &errors, code);
    ck_assert_int_eq(config == NULL, errors.n > 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < errors.n; i++) {
        ck_assert_int_eq(strncmp(errors.item[i], file_path, strlen(file_path)), 0);
        const char *rest = errors.item[i] + strlen(file_path) + 1;
        fprintf(out, "%s\n", rest + strspn(rest, " "));
    }
    fclose(out);
    config_destroy(&config);
    config_errors_clear(&errors);
    return text;
}

/* The text read as a configuration, which must be good. */
static inline struct config *file_read_good(const char *text)
{
    struct config_errors errors;
    int code;
    file_write(text, strlen(text));
    struct config *config = config_read(file_path, NULL, &errors, &code);
    if (config == NULL) {
        ck_abort_msg("%s\nin\n%s", errors.item[0], text);
    }
    config_errors_clear(&errors);
    return config;
}

/* The configuration as config_print() prints it. Owned by the caller. */
static inline char *file_print(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print(config, out);
    fclose(out);
    return text;
}

#endif
