/*
 * http_easy - a struct http from the inside: http.c moves the bytes, http_setup.c tells libcurl
 * what a request is, http_socket.c speaks for itself once curl has connected. No other file
 * includes this, or curl.h.
 */
#ifndef TIDEWATCH_CLIENT_REST_HTTP_EASY_H
#define TIDEWATCH_CLIENT_REST_HTTP_EASY_H

#include "client-go-like/rest/http.h"

#include <stdatomic.h>

#include <curl/curl.h>

struct http {
    const tw_config *config; /* borrowed: its owner outlives us */
    struct http_hub *hub;    /* NULL: we wait by ourselves */
    CURLM *multi;            /* keeps the connection from one exchange to the next; or the hub's */
    CURL *easy;
    bool *has_h2; /* may a connection be open that speaks HTTP/2? Ours, or the hub's */
    bool has_own_h2;
    struct curl_slist *headers, *connect_to;
    struct buf url, body, warnings;
    char *content_type, *etag;
    struct http_bounds bounds;
    uint64_t started_ms, last_byte_ms;
    uint64_t time_left_ms; /* to the deadline, at the start; 0: there is none */
    unsigned idle_waited_ms;
    int code, retry_after_s;
    bool active; /* easy is in multi */
    bool over;   /* and done, with `result`: every further step says so again */
    CURLcode result;
    bool overflow; /* the body outgrew its bound */
    bool doubtful; /* the last exchange did not end well: use another connection */
    /* of a WebSocket's exchange */
    bool socket;
    struct buf out, head, accept; /* to be sent; headers not whole yet; the key's right answer */
    uint64_t body_left;           /* of an answer that refuses it; UINT64_MAX: to the end */
    atomic_bool stopped;
    char curl_error[CURL_ERROR_SIZE];
};

/* curl_easy_setopt() results, gathered: the first failure is kept. */
#define SET(h, rc, option, value)                                                                  \
    do {                                                                                           \
        CURLcode one_ = curl_easy_setopt((h)->easy, (option), (value));                            \
        if ((rc) == CURLE_OK)                                                                      \
            (rc) = one_;                                                                           \
    } while (0)

CURLM *http_hub_multi(struct http_hub *hub, bool **ret_has_h2);
/* Takes note of each exchange of `multi` that is over. */
void http_collect(CURLM *multi);
/* All of a request but the callbacks. */
CURLcode http_set_up(struct http *h, const struct http_request *r);
/* [host, host_end): the authority of a server URL. */
void http_find_authority(const char *server, const char **host, const char **host_end);
const char *http_user_agent(const struct http *h);

/* ---- http.c, for http_socket.c ---- */
void http_heard(struct http *h);
/* The value of `line` if it is the header `name` (with its colon). */
bool http_is_header(struct bytes line, const char *name, struct bytes *ret_value);
/* A header line that is of interest whatever the exchange is. */
void http_read_header(struct http *h, struct bytes line);

/* ---- http_socket.c ---- */
/* Writes the handshake into h->out; h->headers are set. */
CURLcode http_socket_begin(struct http *h, const struct http_request *r);
/* Sends and receives what the connected socket allows. TW_OK, TW_END: it was closed, or the answer
 * that is no WebSocket is complete. */
tw_status http_socket_move(struct http *h, tw_error **reterr);

#endif
