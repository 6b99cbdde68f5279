/*
 * watch_many - the multiplexed watch: many watches on one stream (watch/mux.h), at a path of ours.
 *
 *   WebSocket                    members come and go by messages (request/subscribe.h)
 *   lines, server-sent events    the list stands in the query
 *
 * The path is no resource: there is nothing to get or to list there, so discovery does not show it.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_WATCH_MANY_H
#define TIDEWATCH_APISERVER_HANDLERS_WATCH_MANY_H

#include "apiserver/handlers/api.h"

#define WATCH_MANY_PATH "/apis/tidewatch.dev/v1/watch"

static inline bool watch_many_is_path(const struct request_info *info)
{
    return bytes_eq_str(info->path, WATCH_MANY_PATH);
}

handler handle_watch_many;

#endif
