/*
 * watch - the request a watch begins with. Internal.
 */
#ifndef TIDEWATCH_CLIENT_WATCH_WATCH_H
#define TIDEWATCH_CLIENT_WATCH_WATCH_H

#include <tidewatch/watch.h>

#include "base/buf.h"
#include "client-go-like/rest/http.h"

/* The path and query, in the order client-go's url.Values would give them (by name). */
void watch_path(struct buf *path, const tw_resource *resource, const char *ns,
                const tw_watch_options *options);
struct http_bounds watch_bounds(const tw_watch_options *options);

#endif
