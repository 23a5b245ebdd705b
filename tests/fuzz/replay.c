/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over its corpus, without libFuzzer: fuzz_NAME reads the files of
 * tests/fuzz/corpus/NAME, or those that are given. */
#include <dirent.h>
#include <unistd.h>

#include "fuzz.h"

/* Copied to its own size, so that a sanitizer sees every byte read past the end. */
static void replay_file(const char *path)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    const size_t size = (size_t)ftell(file);
    uint8_t *const data = malloc(size);
    rewind(file);
    if (fread(data, 1, size, file) != size) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int replay_folder(const char *folder)
{
    DIR *const corpus = chdir(folder) == 0 ? opendir(".") : NULL;
    struct dirent *entry;
    int n = 0;
    if (corpus == NULL) {
        perror(folder);
        return EXIT_FAILURE;
    }
    while ((entry = readdir(corpus)) != NULL) {
        if (entry->d_name[0] != '.') {
            replay_file(entry->d_name);
            n++;
        }
    }
    closedir(corpus);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *const top = getenv("abs_srcdir");
    const char *const name = strstr(argv[0], "fuzz_");
    char folder[4096];
    for (int i = 1; i < argc; i++) {
        replay_file(argv[i]);
    }
    if (argc > 1 || name == NULL) {
        return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
             name + strlen("fuzz_"));
    return replay_folder(folder);
}
