/* SPDX-License-Identifier: MIT */
#include "here.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon.h"
#include "request.h"

/* Adds members to the reply, and takes them over. */
static void reply_add(struct request *request, json_t *members)
{
    if (request->reply == NULL) {
        request->reply = members;
    } else {
        json_object_update(request->reply, members);
        json_decref(members);
    }
    if (request->reply == NULL) {
        request_fail(request, CODE_INTERNAL, "out of memory");
    }
}

void here_status(struct daemon *daemon, struct request *request)
{
    const double uptime_s = 1e-3 * (double)(moment_now().ms - daemon->started.ms);
    reply_add(request, json_pack("{s:s, s:s, s:I, s:f, s:o, s:o, s:I, s:b, s:I, s:I}",
                                 "version", mix_version(), "instance", daemon->instance,
                                 "pid", (json_int_t)getpid(), "uptime", uptime_s,
                                 "durability", checkpoint_json(&daemon->checkpoint),
                                 "endpoints", daemon_endpoints(daemon), "workers",
                                 (json_int_t)daemon->n_workers, "stopping",
                                 (int)daemon->is_stopping, "reloads",
                                 (json_int_t)daemon->reload.n_done, "reloads_refused",
                                 (json_int_t)daemon->reload.n_refused));
}

void here_config(struct daemon *daemon, struct request *request)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        request_fail(request, CODE_INTERNAL, "out of memory");
        return;
    }
    config_print(daemon_config(daemon), out);
    fclose(out);
    reply_add(request,
              json_pack("{s:s, s:s}", "file", daemon->config->path, "config", text));
    free(text);
}

void here_version(struct daemon *daemon, struct request *request)
{
    (void)daemon;
    reply_add(request, json_pack("{s:s}", "version", mix_version()));
}

void here_stop(struct daemon *daemon, struct request *request)
{
    reply_add(request, json_pack("{s:b}", "stopping", 1));
    daemon_stop(daemon);
}
