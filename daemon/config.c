/* SPDX-License-Identifier: MIT
 *
 * Reads a configuration: file, tree, keys of the table, checks. Nothing stops at the
 * first finding, so that all are told in one pass. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config_check.h"
#include "config_keys.h"
#include "config_text.h"
#include "config_tree.h"
#include "config_value.h"
#include "log.h"
#include "xalloc.h"

#define FILE_SIZE_MAX (1024 * 1024)
/* More findings than anybody reads; the rest is told as a number. */
#define FINDINGS_MAX 1000
#define STREAM_NAME_MAX 64
/* No path of the table is as long; longer ones are unknown keys. */
#define PATH_SIZE 128
#define EXCERPT_SIZE 64

struct reading {
    struct config *config;
    char *folder; /* of the file, absolute */
    struct findings findings;
    struct endpoint_entries endpoints;
    bool is_whole;
};

/* ---- File ---------------------------------------------------------------- */

/* Reads all of a regular file of at most FILE_SIZE_MAX bytes. On an error NULL, with
 * a finding and an exit code. Opening does not wait for the other end of a FIFO. */
static char *read_file(const char *path, size_t *length, struct findings *findings,
                       int *code)
{
    struct stat about;
    char *text = NULL;
    const char *problem = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *code = EX_CONFIG;
    if (file == -1 || fstat(file, &about) == -1) {
        *code = errno == ENOENT || errno == ENOTDIR ? EX_NOINPUT
                : errno == EACCES                   ? EX_NOPERM
                                                    : EX_CONFIG;
        problem = strerror(errno);
        goto out;
    }
    if (!S_ISREG(about.st_mode)) {
        problem = S_ISDIR(about.st_mode) ? "is a folder: a file is needed"
                                         : "is not a regular file";
        goto out;
    }
    text = xalloc(FILE_SIZE_MAX + 1, 1);
    *length = 0;
    ssize_t n = 0;
    do {
        *length += (size_t)n;
        n = read(file, text + *length, FILE_SIZE_MAX + 1 - *length);
    } while (n > 0);
    if (n == -1) {
        problem = strerror(errno);
    } else if (*length > FILE_SIZE_MAX) {
        problem = "is larger than 1 MiB";
    }
out:
    if (file != -1) {
        close(file);
    }
    if (problem != NULL) {
        findings_add(findings, (struct place){0}, "%s", problem);
        free(text);
        text = NULL;
    }
    return text;
}

/* ---- Keys ---------------------------------------------------------------- */

static void refuse_unknown(struct reading *reading, const char *group,
                           const struct node *member)
{
    char key[EXCERPT_SIZE];
    char suggestion[PATH_SIZE] = "";
    if (reading->findings.n < FINDINGS_MAX) {
        config_key_suggest(suggestion, sizeof(suggestion), group, member->key);
    }
    log_escape(key, sizeof(key), member->key, strlen(member->key));
    const char *shown = strncmp(group, "streams.*.", 10) == 0 ? group + 10 : group;
    if (strchr(member->key, '.') != NULL) {
        findings_add(&reading->findings, member->key_place,
                     "unknown key '%s%s': keys have no dots, what is before one is a map "
                     "of its own",
                     shown, key);
    } else if (suggestion[0] != '\0') {
        findings_add(&reading->findings, member->key_place,
                     "unknown key '%s%s': did you mean '%s'?", shown, key, suggestion);
    } else {
        findings_add(&reading->findings, member->key_place, "unknown key '%s%s'", shown,
                     key);
    }
}

static void set_value(struct reading *reading, const struct config_key *key, void *base,
                      const struct node *node)
{
    const struct setting setting = {.key = key,
                                    .base = base,
                                    .folder = reading->folder,
                                    .findings = &reading->findings,
                                    .endpoints = &reading->endpoints};
    key->type->set(&setting, node);
}

static void refuse_map(struct reading *reading, const struct node *node, const char *what)
{
    if (node->kind != NODE_BAD) {
        findings_add(&reading->findings, node->place, "%s is not a map of keys", what);
    }
}

/* Reads the members of a group ("", "log.", "streams.*.feed.") of which keys are known.
 * Recursion ends with the groups of the table. */
static void read_group(struct reading *reading, const struct node *map, const char *group,
                       void *base, struct place *places)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct node *member = &map->item[i];
        char path[PATH_SIZE];
        const int length = snprintf(path, sizeof(path) - 1, "%s%s", group, member->key);
        /* A dot would reach into other groups, whose values lie elsewhere. */
        const bool is_name = length < PATH_SIZE - 1 && strchr(member->key, '.') == NULL;
        const struct config_key *key = is_name ? config_key_find(path) : NULL;
        if (key != NULL) {
            if (member->kind != NODE_BAD || member->place.line > 0) {
                places[key - config_keys] = member->place;
            }
            if (member->kind != NODE_BAD) {
                set_value(reading, key, base, member);
            }
        } else if (member->has_bad_key) {
            continue;
        } else if (!is_name || !config_key_is_group(path)) {
            refuse_unknown(reading, group, member);
        } else if (strcmp(path, "streams") == 0) {
            continue; /* read_streams() */
        } else if (member->kind == NODE_MAP) {
            strcat(path, ".");
            read_group(reading, member, path, base, places);
        } else {
            refuse_map(reading, member,
                       strncmp(path, "streams.*.", 10) == 0 ? path + 10 : path);
        }
    }
}

/* Defaults for the keys that the file does not hold. */
static void fill_defaults(struct reading *reading, bool is_of_stream, void *base,
                          const struct place *places)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        if (config_key_is_of_stream(key) != is_of_stream || places[i].line > 0 ||
            key->preset == NULL) {
            continue;
        }
        char *text = xstrdup(key->preset);
        const struct node node = {
            .kind = NODE_SCALAR, .text = text, .is_plain = text[0] != '\0'};
        set_value(reading, key, base, &node);
        free(text);
    }
}

/* ---- Streams ------------------------------------------------------------- */

static bool is_stream_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    const size_t length = strlen(name);
    return length > 0 && length <= STREAM_NAME_MAX && strspn(name, allowed) == length;
}

static void read_stream(struct reading *reading, const struct node *member,
                        struct stream_config *stream)
{
    char name[EXCERPT_SIZE];
    if (!is_stream_name(member->key)) {
        findings_add(&reading->findings, member->key_place,
                     "stream name '%s' is not 1 to 64 of A-Z a-z 0-9 . _ -",
                     log_escape(name, sizeof(name), member->key, strlen(member->key)));
    }
    stream->name = xstrdup(member->key);
    stream->place = member->key_place;
    stream->places = xalloc(config_keys_n, sizeof(*stream->places));
    if (member->kind == NODE_MAP) {
        read_group(reading, member, "streams.*.", stream, stream->places);
    } else {
        refuse_map(reading, member, "a stream");
    }
    fill_defaults(reading, true, stream, stream->places);
}

static void read_streams(struct reading *reading, const struct node *root)
{
    struct config *config = reading->config;
    const struct node *streams = NULL;
    for (size_t i = 0; i < root->n && streams == NULL; i++) {
        streams = strcmp(root->item[i].key, "streams") == 0 ? &root->item[i] : NULL;
    }
    if (streams == NULL && reading->is_whole) {
        findings_add(&reading->findings, root->place, "streams is missing: one at least");
    }
    if (streams == NULL) {
        return;
    }
    if (streams->kind != NODE_MAP) {
        refuse_map(reading, streams, "streams");
        return;
    }
    if (streams->n == 0) {
        findings_add(&reading->findings, streams->place,
                     "streams is empty: one at least");
    }
    config->streams = xalloc(streams->n, sizeof(*config->streams));
    for (size_t i = 0; i < streams->n; i++) {
        if (streams->item[i].kind != NODE_BAD) {
            read_stream(reading, &streams->item[i],
                        &config->streams[config->n_streams++]);
        }
    }
}

/* ---- The whole ----------------------------------------------------------- */

static void read_root(struct reading *reading, const struct node *root)
{
    struct config *config = reading->config;
    if (reading->is_whole && root->kind == NODE_BAD && reading->findings.n == 0) {
        findings_add(&reading->findings, (struct place){1, 1},
                     "the file is empty: streams is needed");
    } else if (reading->is_whole && root->kind != NODE_MAP) {
        refuse_map(reading, root, "the file");
    }
    if (root->kind != NODE_MAP) {
        return;
    }
    read_group(reading, root, "", config, config->places);
    fill_defaults(reading, false, config, config->places);
    read_streams(reading, root);
}

/* The file's path, absolute, and its folder. */
static void find_folder(struct reading *reading, const char *path)
{
    char *here = getcwd(NULL, 0);
    reading->config->path = path_in_folder(here != NULL ? here : "/", path);
    free(here);
    const char *end = strrchr(reading->config->path, '/');
    reading->folder =
        xformat("%.*s", (int)(end - reading->config->path), reading->config->path);
}

/* Findings as lines "FILE:LINE:COL: message". */
static void tell(struct findings *findings, const char *path,
                 struct config_errors *errors)
{
    findings_sort(findings);
    const size_t n = findings->n < FINDINGS_MAX ? findings->n : FINDINGS_MAX;
    errors->item = xalloc(n + 1, sizeof(*errors->item));
    for (size_t i = 0; i < n; i++) {
        const struct finding *finding = &findings->item[i];
        errors->item[errors->n++] =
            finding->place.line > 0 ? xformat("%s:%d:%d: %s", path, finding->place.line,
                                              finding->place.column, finding->text)
                                    : xformat("%s: %s", path, finding->text);
    }
    if (n < findings->n) {
        errors->item[errors->n++] = xformat("%s: %zu more", path, findings->n - n);
    }
}

static void clear_endpoints(struct endpoint_entries *endpoints)
{
    for (size_t i = 0; i < endpoints->n; i++) {
        free(endpoints->item[i].text);
    }
    free(endpoints->item);
}

/* Reads a text, unless there is none because its file could not be read: then that is
 * among the findings already. */
static struct config *read_text(const char *text, size_t length, const char *path,
                                const char *state_override, struct findings *findings,
                                struct config_errors *errors)
{
    struct reading reading = {.config = xalloc(1, sizeof(struct config)),
                              .findings = *findings};
    struct node *root = NULL;
    *errors = (struct config_errors){0};
    reading.config->places = xalloc(config_keys_n, sizeof(struct place));
    find_folder(&reading, path);
    if (text != NULL) {
        root = config_tree_read(text, length, &reading.findings, &reading.is_whole);
        read_root(&reading, root);
    }
    if (reading.is_whole && root->kind == NODE_MAP) {
        config_check(reading.config, state_override, reading.folder, &reading.endpoints,
                     &reading.findings);
    }
    if (reading.findings.n > 0) {
        tell(&reading.findings, path, errors);
        config_destroy(&reading.config);
    }
    config_tree_destroy(&root);
    findings_clear(&reading.findings);
    clear_endpoints(&reading.endpoints);
    free(reading.folder);
    return reading.config;
}

struct config *config_parse(const char *text, size_t length, const char *path,
                            const char *state_override, struct config_errors *errors)
{
    struct findings findings = {0};
    return read_text(text, length, path, state_override, &findings, errors);
}

struct config *config_read(const char *path, const char *state_override,
                           struct config_errors *errors, int *code)
{
    struct findings findings = {0};
    size_t length = 0;
    char *text = read_file(path, &length, &findings, code);
    struct config *config =
        read_text(text, length, path, state_override, &findings, errors);
    free(text);
    return config;
}

static void clear_values(bool is_of_stream, void *base)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        if (config_key_is_of_stream(key) == is_of_stream && key->type->clear != NULL) {
            key->type->clear(key, base);
        }
    }
}

void config_destroy(struct config **config)
{
    if (*config == NULL) {
        return;
    }
    for (size_t i = 0; i < (*config)->n_streams; i++) {
        struct stream_config *stream = &(*config)->streams[i];
        clear_values(true, stream);
        layout_destroy(&stream->layout);
        free(stream->name);
        free(stream->places);
    }
    clear_values(false, *config);
    free((*config)->streams);
    free((*config)->places);
    free((*config)->path);
    free(*config);
    *config = NULL;
}

void config_errors_clear(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        free(errors->item[i]);
    }
    free(errors->item);
    *errors = (struct config_errors){0};
}
