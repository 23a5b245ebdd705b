/* SPDX-License-Identifier: MIT */
#include "renewal.h"

bool renewal_take(struct stream *stream, enum renewal_step step,
                  const struct stream_config *next, struct fault *fault)
{
    if (step == RENEWAL_TRY) {
        return feed_move(stream->feed, &next->feed, fault);
    }
    feed_settle(stream->feed, &next->feed, step == RENEWAL_DONE);
    if (step == RENEWAL_DONE) {
        config_adopt(&stream->own, next);
        /* Views: the lists of the configuration go when the next one comes. */
        stream->own.feed.binds = stream->feed->attachment.now.binds;
        stream->own.feed.endpoints = stream->feed->attachment.now.wanted;
        stream->own.feed.subscribe = stream->feed->subscribed;
        /* What waited for the end of a slower pace is looked at now. */
        stream->publish_ms = 0;
    }
    return true;
}
