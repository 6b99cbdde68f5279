/*
 * http1 - what the two HTTP/1 files share.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H

#include "apiserver/transport/server.h"

/* Can another request follow on the connection? */
bool http1_keeps_alive(const struct request *request);
/* Status line and headers of an answer; what may not be sent is left out. `framing` are the lines
 * that say how long the body is. The bytes are the server's, until the next call; none without
 * memory. */
struct bytes http1_write_head(struct request *request, const struct http_response *response,
                              struct bytes framing);

struct http_stream *http1_start_stream(struct request *request, const struct http_response *head,
                                       const struct http_stream_handler *handler, void *user);

#endif
