/*
 * http1 - what the two HTTP/1 files share.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H

#include "apiserver/transport/server.h"

/* Can another request follow on the connection? */
bool http1_keeps_alive(const struct request *request);
/* Status line and headers of an answer, or of what becomes a stream; what may not be sent is left
 * out. In the request's arena; none without memory. */
struct bytes http1_write_head(struct request *request, const struct http_response *response,
                              bool streams);

struct http_stream *http1_start_stream(struct request *request, const struct http_response *head,
                                       const struct http_stream_handler *handler, void *user);

#endif
