/*
 * client - a tw_client from the inside: connections to hand out, and whole requests on one.
 * Internal.
 *
 *   client_acquire() --> http --client_fetch(), client_open()--> client_release()
 *
 * A reflector keeps one http for its whole life, so its lists and watches share one connection and
 * tw_reflector_stop() can interrupt any of them.
 */
#ifndef TIDEWATCH_CLIENT_REST_CLIENT_H
#define TIDEWATCH_CLIENT_REST_CLIENT_H

#include <tidewatch/client.h>

#include "client-go-like/rest/http.h"

enum { CLIENT_RETRIES_MAX = 10 }; /* client-go rest/request.go, maxRetries */

tw_status client_acquire(tw_client *client, struct http **ret_http, tw_error **reterr);
void client_release(tw_client *client, struct http *http);

/* Sends `request` (its token is filled in) and returns with a 2xx code and the body still to come;
 * http_finish() is the caller's, also after a failure. */
tw_status client_open(tw_client *client, struct http *http, struct http_request *request,
                      tw_error **reterr);
/* The same, with the whole body read, and asked again where the server says when (Retry-After). */
tw_status client_fetch(tw_client *client, struct http *http, struct http_request *request,
                       tw_error **reterr);
/* An error from an answer that is not 2xx, or from the Status of an ERROR event (`code` 0: its
 * own). */
tw_status client_fail_answer(int code, struct bytes body, tw_error **reterr);
tw_status client_fail_status(const struct json *status, int code, tw_error **reterr);

#endif
