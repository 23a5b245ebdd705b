/* SPDX-License-Identifier: MIT
 *
 * The daemon's main(): command line, process, configuration; daemon.c has the rest. */
#include <argp.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h> /* mallopt */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "loop.h"
#include "xalloc.h"

#define CONFIG_PATH "/etc/mixd/mixd.yaml"

struct options {
    const char *config_path;
    const char *state_path; /* NULL: from the configuration */
    bool start_afresh;
    bool check_only;
    bool print_config;
};

enum { OPTION_STATE = 256, OPTION_INIT, OPTION_CHECK, OPTION_PRINT };

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "configuration, " CONFIG_PATH " by default", 0},
    {"state", OPTION_STATE, "DIR", 0, "folder of the state, before that of the file", 0},
    {"init", OPTION_INIT, NULL, 0, "begin anew; the state that is there is renamed", 0},
    {"check", OPTION_CHECK, NULL, 0, "only check the configuration", 0},
    {"print-config", OPTION_PRINT, NULL, 0, "print every key with its effective value",
     0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'c':
        options->config_path = value;
        return 0;
    case OPTION_STATE:
        options->state_path = value;
        return 0;
    case OPTION_INIT:
        options->start_afresh = true;
        return 0;
    case OPTION_CHECK:
        options->check_only = true;
        return 0;
    case OPTION_PRINT:
        options->print_config = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: unexpected argument: write -c FILE", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "mixd %s\n", mix_version());
}

/* Whatever is opened next must not become standard input, output or error. */
static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

/* As many sockets as the hard limit allows. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* One line, whatever a file or a path has put into it. */
static void print_error(const char *prefix, const char *text)
{
    char line[LOG_LINE_SIZE];
    fprintf(stderr, "%s%s\n", prefix, log_escape(line, sizeof(line), text, strlen(text)));
}

/* Findings are FILE:LINE:COL: message, as compilers write them. */
static void print_errors(struct config_errors *errors, int code)
{
    for (size_t i = 0; i < errors->n; i++) {
        print_error(code == EX_CONFIG ? "" : "mixd: ", errors->item[i]);
    }
    config_errors_clear(errors);
}

static int run_daemon(const struct config *config, const struct options *options)
{
    struct daemon daemon = {
        .config = config,
        .state_option = options->state_path,
        .start_afresh = options->start_afresh,
    };
    log_configure(config->log_level, config->log_format);
    raise_file_limit();
    loop_block_signals();
    zsys_handler_set(NULL); /* signals are ours */
    json_object_seed(0);    /* once, before there are threads */
    zsys_init();
    zsys_set_logstream(stderr);
    zsys_set_max_sockets(0); /* as many as libzmq can have */
    const int code = daemon_run(&daemon);
    if (code != 0) {
        print_error("mixd: ", daemon.fault.text);
    }
    zsys_shutdown(); /* waits for the last frames to leave, at most their linger */
    return code;
}

/* Copies for a checkpoint are large and short-lived: each gets pages of its own, which
 * go back when it is freed. By default glibc raises this bound to the largest block
 * freed so far, and the heap keeps the holes. */
#define OWN_PAGES_BYTES (128 << 10)

/* So that no reply, frame or value of the state is ever short of a member. */
static void *allocate_for_json(size_t size)
{
    return xalloc(size, 1);
}

int main(int argc, char **argv)
{
    open_standard_files();
    umask(077);
    mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
    struct options options = {.config_path = CONFIG_PATH};
    const struct argp argp = {
        .options = rows,
        .parser = parse_option,
        .doc = "Learns mixtures from points that come over ZeroMQ and publishes them.",
    };
    argp_program_version_hook = print_version;
    argp_err_exit_status = EX_USAGE;
    json_set_alloc_funcs(allocate_for_json, free);
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0) {
        out_of_memory();
    }

    int code = 0;
    struct config_errors errors = {0};
    struct config *config =
        config_read(options.config_path, options.state_path, &errors, &code);
    if (config == NULL) {
        print_errors(&errors, code);
        return code;
    }
    code = 0;
    if (options.print_config) {
        config_print(config, stdout);
        code = fflush(stdout) == 0 ? 0 : EX_IOERR;
    } else if (!options.check_only) {
        code = run_daemon(config, &options);
    }
    config_destroy(&config);
    return code;
}
