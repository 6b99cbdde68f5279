/*
 * http1 - what the two HTTP/1 files share.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP1_H

#include "apiserver/transport/server.h"

/* Status and headers of an answer, in h2o's request; what may not be sent is left out. */
void http1_set_head(struct request *request, const struct http_response *response);
/* Makes h2o close the connection it holds. */
void http1_cut(struct conn *conn);

struct http_stream *http1_start_stream(struct request *request, const struct http_response *head,
                                       const struct http_stream_handler *handler, void *user);

#endif
