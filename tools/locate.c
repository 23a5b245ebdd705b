/* SPDX-License-Identifier: MIT
 *
 * Looking for the daemon. Of a configuration only two keys are read here, state and
 * control.bind: whether the rest of it is right is for the daemon to say. */
#include "locate.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define LOCAL_SOCKET "mixd-state/control.sock"
#define SYSTEM_SOCKET "/run/mixd/control.sock"

/* As the daemon refuses it: larger files, and nesting on which libyaml takes seconds. */
#define CONFIG_BYTES_MAX (1 << 20)
#define CONFIG_DEPTH_MAX 64

/* The path beside a file: "etc/mixd.yaml", "run" -> "etc/run". Absolute ones stay. */
static char *path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || slash == NULL) {
        return tool_text("%s", path);
    }
    return tool_text("%.*s/%s", (int)(slash - file), file, path);
}

/* The whole file, ended by a zero; NULL if it cannot be a configuration. */
static char *file_read(const char *path, size_t *size, struct failure *failure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        failure_set(failure, errno == EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", path,
                    strerror(errno));
        return NULL;
    }
    char *text = tool_need(malloc(CONFIG_BYTES_MAX + 2));
    *size = fread(text, 1, CONFIG_BYTES_MAX + 1, file);
    const bool is_read = ferror(file) == 0;
    fclose(file);
    if (is_read && *size <= CONFIG_BYTES_MAX) {
        text[*size] = '\0';
        return text;
    }
    failure_set(failure, EX_CONFIG, "%s: %s", path,
                is_read ? "over 1 MiB: name the configuration of mixd" : strerror(errno));
    free(text);
    return NULL;
}

/* Deepest nesting of brackets, whatever they mean where they stand. */
static size_t bracket_depth(const char *text)
{
    size_t depth = 0;
    size_t deepest = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '[' || *p == '{') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((*p == ']' || *p == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* The value of a key of a mapping, or NULL. */
static yaml_node_t *node_member(yaml_document_t *document, yaml_node_t *node,
                                const char *key)
{
    if (node == NULL || node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

static const char *node_text(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE
               ? (const char *)node->data.scalar.value
               : NULL;
}

/* The endpoint that the system chose for a daemon that runs: STATE/endpoints.json. */
static char *endpoint_as_bound(const char *state, struct failure *failure)
{
    char *path = tool_text("%s/endpoints.json", state);
    json_error_t error;
    json_t *endpoints = json_load_file(path, 0, &error);
    const json_t *control = json_object_get(endpoints, "control");
    char *endpoint = NULL;
    if (json_is_string(control)) {
        endpoint = tool_text("%s", json_string_value(control));
    } else {
        failure_set(failure, EX_UNAVAILABLE,
                    "%s: %s: is mixd running with this configuration?", path,
                    endpoints == NULL ? error.text : "no control endpoint");
    }
    json_decref(endpoints);
    free(path);
    return endpoint;
}

/* From the values of control.bind and state, either of which may be NULL. */
static char *endpoint_from(const char *path, const char *bind, const char *state_key,
                           struct failure *failure)
{
    const char *given = state_key != NULL ? state_key : getenv("STATE_DIRECTORY");
    char *state = path_beside(path, given != NULL ? given : "mixd-state");
    char *endpoint;
    if (bind == NULL) {
        endpoint = tool_text("ipc://%s/control.sock", state);
    } else if (strncmp(bind, "ipc://", 6) == 0) {
        char *socket_path = path_beside(path, bind + 6);
        endpoint = tool_text("ipc://%s", socket_path);
        free(socket_path);
    } else if (strchr(bind, '*') != NULL) {
        endpoint = endpoint_as_bound(state, failure);
    } else {
        endpoint = tool_text("%s", bind);
    }
    free(state);
    return endpoint;
}

static char *endpoint_of_text(const char *path, const char *text, size_t size,
                              struct failure *failure)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (yaml_parser_initialize(&parser) == 0) {
        tool_need(NULL);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (yaml_parser_load(&parser, &document) == 0) {
        failure_set(failure, EX_CONFIG, "%s:%zu:%zu: %s: mixd --check -c %s says more",
                    path, parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                    parser.problem != NULL ? parser.problem : "not YAML", path);
        yaml_parser_delete(&parser);
        return NULL;
    }
    yaml_node_t *root = yaml_document_get_root_node(&document);
    yaml_node_t *control = node_member(&document, root, "control");
    char *endpoint =
        endpoint_from(path, node_text(node_member(&document, control, "bind")),
                      node_text(node_member(&document, root, "state")), failure);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return endpoint;
}

char *locate_config(const char *path, struct failure *failure)
{
    size_t size;
    char *text = file_read(path, &size, failure);
    if (text == NULL) {
        return NULL;
    }
    char *endpoint = NULL;
    if (bracket_depth(text) > CONFIG_DEPTH_MAX) {
        failure_set(failure, EX_CONFIG, "%s: nested over %d deep: mixd --check -c %s",
                    path, CONFIG_DEPTH_MAX, path);
    } else {
        endpoint = endpoint_of_text(path, text, size, failure);
    }
    free(text);
    return endpoint;
}

char *locate_control(const struct place *place, struct failure *failure)
{
    static const char *const sockets[] = {LOCAL_SOCKET, SYSTEM_SOCKET};
    const char *environment = getenv("MIXD_CONTROL");
    if (place->control != NULL) {
        return tool_text("%s", place->control);
    }
    if (environment != NULL && environment[0] != '\0') {
        return tool_text("%s", environment);
    }
    if (place->config != NULL) {
        return locate_config(place->config, failure);
    }
    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        if (access(sockets[i], F_OK) == 0) {
            return tool_text("ipc://%s", sockets[i]);
        }
    }
    failure_set(failure, EX_UNAVAILABLE,
                "no daemon found: tried --control and -c FILE (not given), MIXD_CONTROL "
                "(not set), ./" LOCAL_SOCKET " and " SYSTEM_SOCKET
                " (no such file): start mixd, or name its control endpoint");
    return NULL;
}
