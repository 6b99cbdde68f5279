/*
 * watch - the request a watch begins with. Internal.
 */
#ifndef TIDEWATCH_CLIENT_WATCH_WATCH_H
#define TIDEWATCH_CLIENT_WATCH_WATCH_H

#include <tidewatch/watch.h>

#include "client-go-like/rest/http.h"

/* The path and query, in the order client-go's url.Values would give them (by name). */
void watch_path(struct buf *path, const tw_resource *resource, const char *ns,
                const tw_watch_options *options);
/* What a watch or list of this type asks for; a static text. Protobuf only if we know its message:
 * a server may have one for a custom resource that we have not. */
const char *watch_accept(tw_framing framing, const tw_resource *resource);
/* The request for a watch of its caller's own; its path is made in `path`, which the caller
 * releases. */
tw_status watch_request(struct buf *path, const tw_resource *resource, const char *ns,
                        const tw_watch_options *options, struct http_request *ret_request,
                        tw_error **reterr);
/* `transport`, for a watch or for another request. */
void watch_set_transport(struct http_request *request, tw_transport transport, bool is_watch);
/* An http for many watches, one after the other: of the client's one connection, where `transport`
 * may turn out to be HTTP/2. */
tw_status watch_acquire(tw_client *client, tw_transport transport, struct http **ret_http,
                        tw_error **reterr);

#endif
