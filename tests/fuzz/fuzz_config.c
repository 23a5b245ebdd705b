/* SPDX-License-Identifier: MIT
 *
 * Configuration texts: a bad one has findings in the order of the file; a good one is
 * printed, read and printed again to the same, and a reload to it changes nothing. */
#include "config.h"

#include "fuzz.h"

#define PATH "/folder/c.yaml"

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print(config, out);
    fclose(out);
    return text;
}

static void check_again(const struct config *config)
{
    struct config_errors errors;
    char *once = print(config);
    struct config *again = config_parse(once, strlen(once), PATH, NULL, &errors);
    if (again == NULL) {
        fprintf(stderr, "%s\nin\n%s", errors.item[0], once);
    }
    FUZZ_CHECK(again != NULL);
    char *twice = print(again);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    struct config_changes changes = config_compare(config, again);
    FUZZ_CHECK(changes.n == 0);
    config_changes_clear(&changes);
    config_destroy(&again);
    config_errors_clear(&errors);
    free(once);
    free(twice);
}

/* Line and column of "PATH:LINE:COLUMN: "; a finding without them comes first. */
static void check_order(const struct config_errors *errors)
{
    long before = 0;
    for (size_t i = 0; i < errors->n; i++) {
        FUZZ_CHECK(strncmp(errors->item[i], PATH ":", sizeof(PATH)) == 0);
        int line = 0;
        int column = 0;
        const char *rest = errors->item[i] + sizeof(PATH);
        if (sscanf(rest, "%d:%d: ", &line, &column) == 2) {
            FUZZ_CHECK(line >= 1 && column >= 1);
            FUZZ_CHECK(line * 2000000L + column >= before);
            before = line * 2000000L + column;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors;
    struct config *config = config_parse((const char *)data, size, PATH, NULL, &errors);
    FUZZ_CHECK((config == NULL) == (errors.n > 0));
    if (config != NULL) {
        check_again(config);
    }
    check_order(&errors);
    config_destroy(&config);
    config_errors_clear(&errors);
    return 0;
}
