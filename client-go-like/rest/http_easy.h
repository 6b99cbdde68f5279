/*
 * http_easy - a struct http from the inside: http.c moves the bytes, http_setup.c tells libcurl
 * what a request is, http_socket.c speaks for itself once curl has connected. No other file
 * includes this, or curl.h.
 */
#ifndef TIDEWATCH_CLIENT_REST_HTTP_EASY_H
#define TIDEWATCH_CLIENT_REST_HTTP_EASY_H

#include "client-go-like/rest/http.h"

#include <pthread.h>
#include <stdatomic.h>

#include <curl/curl.h>

#include "base/list.h"

struct http {
    const tw_config *config; /* borrowed: its owner outlives us */
    struct http_hub *hub;    /* NULL: we wait by ourselves */
    struct http_line *line;  /* whose hub it is, or was; NULL: its thread is the caller's own */
    CURLM *multi; /* keeps the connection from one exchange to the next; or the hub's; NULL: it was
                     taken from us */
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
    int code;      /* as the user knows it */
    int came_code; /* as it came */
    int retry_after_s;
    bool active; /* easy is in multi */
    bool over;   /* and done, with `result`: every further step says so again */
    CURLcode result;
    bool overflow;  /* the body outgrew its bound */
    bool doubtful;  /* the last exchange did not end well: use another connection */
    bool takes_h2;  /* it is for a connection that speaks HTTP/2 already */
    bool needs_new; /* which is gone: libcurl wanted to open another */
    /* of a WebSocket's exchange */
    bool socket;
    struct buf out, head, accept; /* to be sent; headers not whole yet; the key's right answer */
    uint64_t body_left;           /* of an answer that refuses it; UINT64_MAX: to the end */
    atomic_bool stopped;
    /* of a line, under its lock */
    struct list link;    /* in its exchanges, while active */
    pthread_cond_t told; /* there is something new */
    bool waiting;        /* its user is in http_line_wait() */
    bool news;           /* that it has not been told of */
    struct buf came;     /* of the body, and not in `body` yet */
    size_t held;         /* in `body`, when last looked at */
    uint64_t full_ms;    /* since when more came than it takes; 0: it did not */
    bool evicted;        /* for that: from the next exchange on by itself */
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
/* Closes its connections, and begins anew without any; nothing may be in its multi. False: there is
 * no memory for it, and all is as it was. */
bool http_hub_renew(struct http_hub *hub);
/* Takes note of each exchange of `multi` that is over. */
void http_collect(CURLM *multi);
/* For one http alone. */
CURLM *http_own_multi(void);
/* http_start() and http_finish() with the lock held, if there is one. */
tw_status http_start_locked(struct http *h, const struct http_request *request, tw_error **reterr);
void http_finish_locked(struct http *h);
/* All of a request but the callbacks. */
CURLcode http_set_up(struct http *h, const struct http_request *r);
/* Once more, as http_set_up() had it, for which no connection was opened. */
CURLcode http_set_up_anew(struct http *h);
/* [host, host_end): the authority of a server URL. */
void http_find_authority(const char *server, const char **host, const char **host_end);
const char *http_user_agent(const struct http *h);

/* ---- http.c, for http_socket.c ---- */
void http_heard(struct http *h);
/* The value of `line` if it is the header `name` (with its colon). */
bool http_is_header(struct bytes line, const char *name, struct bytes *ret_value);
/* A header line that is of interest whatever the exchange is. */
void http_read_header(struct http *h, struct bytes line);

/* ---- line.c ---- */
/* Does a line's thread move our bytes? */
static inline bool http_is_on_line(const struct http *h)
{
    return h->line != NULL && h->hub != NULL;
}
/* These two do nothing for who is on none. */
void http_line_lock(struct http *h);
void http_line_unlock(struct http *h);
/* Before an exchange, without the lock: who was evicted is by itself from here on. */
tw_status http_line_settle(struct http *h, tw_error **reterr);
/* In http_start_locked(): into the line's multi of now. False: no memory. */
bool http_line_enter(struct http *h);
/* After http_start_locked(), before http_finish_locked(), at http_free(). */
void http_line_begin(struct http *h, const struct http_request *request);
void http_line_end(struct http *h);
void http_line_leave(struct http *h);
/* Makes what came the user's. */
void http_line_take(struct http *h);
/* Until there is something new. */
void http_line_wait(struct http *h, unsigned wait_ms);
void http_line_wake(struct http *h);
/* A bound has passed: is it the connection? */
void http_line_doubt(struct http *h);

/* ---- http_socket.c ---- */
/* Writes the handshake into h->out; h->headers are set. */
CURLcode http_socket_begin(struct http *h, const struct http_request *r);
/* Sends and receives what the connected socket allows. TW_OK, TW_END: it was closed, or the answer
 * that is no WebSocket is complete. */
tw_status http_socket_move(struct http *h, tw_error **reterr);

#endif
