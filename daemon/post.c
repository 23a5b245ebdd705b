/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

struct post *post_new(enum post_kind kind, struct request *request)
{
    struct post *post = xalloc(1, sizeof(*post));
    post->kind = kind;
    post->request = request;
    return post;
}

struct post *post_frame(const char *topic, const char *body, bool may_be_skipped)
{
    struct post *post = post_new(POST_FRAME, NULL);
    const size_t body_size = strlen(body);
    post->topic_size = strlen(topic);
    post->size = post->topic_size + 1 + body_size;
    post->text = xalloc(post->size, 1);
    memcpy(post->text, topic, post->topic_size);
    post->text[post->topic_size] = ' ';
    memcpy(post->text + post->topic_size + 1, body, body_size);
    post->may_be_skipped = may_be_skipped;
    return post;
}

void post_destroy(struct post **post)
{
    if (*post == NULL) {
        return;
    }
    free((*post)->text);
    free(*post);
    *post = NULL;
}
