/* SPDX-License-Identifier: MIT
 *
 * Encoded learners of every version there ever was: each file of tests/golden is loaded
 * for ever, and its model is what it was, to the last bit. */
#include <dirent.h>
#include <string.h>

#include "../golden/golden.h"
#include "encode.h"
#include "unit.h"

static const char *folder(void)
{
    static char path[4096];
    const char *source = getenv("abs_srcdir");
    snprintf(path, sizeof(path), "%s/tests/golden", source != NULL ? source : ".");
    return path;
}

/* A whole file, ended by a zero that is not counted; the caller's. */
static char *read_file(const char *name, const char *suffix, size_t *size)
{
    char path[8192];
    snprintf(path, sizeof(path), "%s/%s.%s", folder(), name, suffix);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: cannot be read", path);
    char *bytes = calloc(1, 1 << 20);
    *size = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    return bytes;
}

static const struct golden_case *find_case(const char *name)
{
    for (size_t i = 0; i < COUNT(golden_cases); i++) {
        if (strcmp(golden_cases[i].name, name) == 0) {
            return &golden_cases[i];
        }
    }
    ck_abort_msg("%s: not in golden.h", name);
    return NULL;
}

static char *print(const struct mix_learner *learner)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(file);
    golden_print(file, learner);
    fclose(file);
    return text;
}

/* It is what it was, and still is once this version has written it. */
static void check_file(const char *name, const char *of_case)
{
    const struct mix_options options = golden_options(find_case(of_case));
    enum mix_err err;
    size_t size, size_wanted;
    char *bytes = read_file(name, "state", &size);
    char *wanted = read_file(name, "model", &size_wanted);
    struct mix_learner *learner = mix_learner_decode(&options, bytes, size, &err);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(learner != NULL, "%s: %s", name, mix_strerror(err));
        char *text = print(learner);
        ck_assert_msg(strcmp(text, wanted) == 0, "%s: was\n%s\nis\n%s", name, wanted,
                      text);
        free(text);
        free(bytes);
        size = mix_learner_encoded_size(learner);
        bytes = malloc(size);
        mix_learner_encode(learner, bytes);
        mix_learner_destroy(&learner);
        learner = mix_learner_decode(&options, bytes, size, &err);
    }
    mix_learner_destroy(&learner);
    free(bytes);
    free(wanted);
}

/* Checks every file, and counts them by version. */
static void check_files(size_t *n_files)
{
    DIR *files = opendir(folder());
    ck_assert_msg(files != NULL, "%s: cannot be read", folder());
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        unsigned version;
        char of_case[64], suffix[64];
        if (sscanf(entry->d_name, "learner-%u-%63[^.].%63s", &version, of_case, suffix) ==
                3 &&
            strcmp(suffix, "state") == 0) {
            ck_assert_uint_le(version, ENCODE_VERSION);
            entry->d_name[strlen(entry->d_name) - strlen(".state")] = '\0';
            check_file(entry->d_name, of_case);
            n_files[version]++;
        }
    }
    closedir(files);
}

/* Whoever adds a version or a case makes its files. */
START_TEST(learners_of_every_version_are_loaded)
{
    size_t n_files[ENCODE_VERSION + 1] = {0};
    check_files(n_files);
    for (unsigned version = 1; version <= ENCODE_VERSION; version++) {
        ck_assert_msg(n_files[version] > 0,
                      "no golden file of version %u: see tests/golden/README.md",
                      version);
    }
    ck_assert_uint_eq(n_files[ENCODE_VERSION], COUNT(golden_cases));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(learners_of_every_version_are_loaded),
    };
    return unit_run("golden", tests, COUNT(tests));
}
