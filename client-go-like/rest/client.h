/*
 * client - a tw_client from the inside: connections to hand out, and whole requests on one.
 * Internal.
 *
 *   client_acquire() --> http --client_fetch(), client_open()--> client_release()
 *
 * A reflector keeps one http for its whole life, so its lists and watches share one connection and
 * tw_reflector_stop() can interrupt any of them. Where it may be HTTP/2, all reflectors of a client
 * share that: client_acquire_shared().
 */
#ifndef TIDEWATCH_CLIENT_REST_CLIENT_H
#define TIDEWATCH_CLIENT_REST_CLIENT_H

#include <tidewatch/client.h>

#include "client-go-like/rest/http.h"
#include "client-go-like/rest/rate.h"

enum {
    CLIENT_RETRIES_MAX = 10,         /* client-go rest/request.go, maxRetries */
    CLIENT_IDLE_MAX = 8,             /* connections kept for the next request */
    CLIENT_ERROR_BODY_MS = 10 * 1000 /* for the body of an error */
};

struct tw_client {
    atomic_uint refs;
    tw_config *config;
    tw_warning_fn *on_warning;
    void *warning_user;
    atomic_uint timeout_ms;
    struct login login;
    struct rate rate;
    pthread_mutex_t lock; /* what follows */
    struct http *idle[CLIENT_IDLE_MAX];
    size_t idle_count;
    struct http_line *lines; /* of reflectors */
};

/* Its URL; lives as long as the client. */
const char *client_server(const tw_client *client);
tw_status client_acquire(tw_client *client, struct http **ret_http, tw_error **reterr);
tw_status client_acquire_shared(tw_client *client, struct http **ret_http, tw_error **reterr);
void client_release(tw_client *client, struct http *http);

/* Sends `request` (its token is filled in) and returns with a 2xx code and the body still to come;
 * http_finish() is the caller's, also after a failure. */
tw_status client_open(tw_client *client, struct http *http, struct http_request *request,
                      tw_error **reterr);
/* The same, with the whole body read, and asked again where the server says when (Retry-After). */
tw_status client_fetch(tw_client *client, struct http *http, struct http_request *request,
                       tw_error **reterr);

/* ---- its parts, for who must not wait (loop.c) ---- */

/* What has been tried for one request. Zeroed before, released after. */
struct attempt {
    struct credentials *used;
    int retries;
    bool known_anew; /* a 401 has been answered by other credentials already */
};
void attempt_release(struct attempt *attempt);
/* How long to hold back before the next request that is counted. TW_ERR_TIMEOUT: longer than it
 * has. */
tw_status client_throttle(tw_client *client, const struct http_request *request,
                          unsigned *ret_wait_ms, tw_error **reterr);
tw_status client_start(tw_client *client, struct http *http, struct http_request *request,
                       struct attempt *attempt, tw_error **reterr);
void client_tell_warnings(const tw_client *client, const struct http *http);
/* A whole answer is here: OK, or the error it is. */
tw_status client_end(tw_client *client, struct http *http, tw_error **reterr);
/* It was an error: is it worth the same request again, in *ret_pause_ms? */
bool client_again(tw_client *client, const struct http *http, const struct http_request *request,
                  struct attempt *attempt, unsigned *ret_pause_ms);
/* The request behind a tw_request, which it borrows from. */
tw_status client_prepare(const tw_client *client, const tw_request *from,
                         struct http_request *ret_request, tw_error **reterr);
/* Takes the body out of `http`. */
tw_status client_take_response(struct http *http, tw_response **ret_response, tw_error **reterr);

/* ---- errors ---- */
/* An error from an answer that is not 2xx, or from the Status of an ERROR event (`code` 0: its
 * own). */
tw_status client_fail_answer(int code, struct bytes body, tw_error **reterr);
tw_status client_fail_status(const struct json *status, int code, tw_error **reterr);

#endif
