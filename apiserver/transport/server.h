/*
 * server - struct http_server and struct request, as the files of the transport see them.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_SERVER_H
#define TIDEWATCH_APISERVER_TRANSPORT_SERVER_H

#include "apiserver/transport/conn.h"
#include "base/buf.h"
#include "base/counter.h"

#include <nghttp2/nghttp2.h>

struct h2_stream;

/* Written by the loop, read by anyone. */
struct server_counters {
    _Atomic uint64_t connections_total, connections_refused_total, requests_total, bytes_sent_total,
        connections, streams;
};

struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct tally *peers; /* or NULL */
    void (*on_request)(void *user, struct http_request *req);
    void *user;
    struct list conns, listeners;
    struct http_tls *tls; /* of https listeners; or NULL */
    struct buf gather;    /* frames on their way into one TLS record */
    struct server_counters counters;

    bool draining, freed;
    struct loop_task turn; /* tells that it is drained; after http_server_free(): frees */
    struct loop_timer grace, sweep;
    void (*on_drained)(void *user);
    void *drained_user;

    /* HTTP/2: nghttp2 */
    nghttp2_session_callbacks *h2_callbacks;
    nghttp2_option *h2_options;
    struct buf spare; /* an output buffer that nobody uses now */
    int64_t date_s;
    char date[H2O_TIMESTR_RFC1123_LEN + 1];
};

struct http_engine_ops {
    void (*reply)(struct request *request, const struct http_response *response);
    struct http_stream *(*start_stream)(struct request *request, const struct http_response *head,
                                        const struct http_stream_handler *handler, void *user);
};

struct request {
    struct http_request pub; /* first */
    struct arena arena;
    struct http_server *server;
    bool dispatched, answered;
    bool gone;   /* the client has left, and the handler does not know */
    bool close;  /* the connection cannot go on after the answer */
    int refusal; /* found while the request was read: the answer's status, else 0 */
    const char *why;
    union {
        struct {
            struct conn *conn;
            size_t len;          /* with its body */
            h2o_buffer_t *input; /* kept for a request whose client has left */
            bool keep_alive;     /* the client says nothing against it */
            struct blob *answer; /* sent by reference; NULL: a head alone */
            size_t answer_at;
        } h1;
        struct {
            struct h2_stream *stream;
            struct http_header *headers;
            struct bytes protocol; /* of an extended CONNECT (RFC 8441) */
            size_t capacity, head_len, body_seen;
            struct buf body;
        } h2;
    };
};

/* Fills in what both engines have in common. NULL without memory. */
struct request *request_new(struct conn *conn, const struct http_engine_ops *ops);
/* Hands a complete request to the handler, or refuses it. It may be gone afterwards. */
void request_dispatch(struct request *request);
/* The client has left: tells the handler, or keeps the request until it answers. */
void request_gone(struct request *request);
void request_free(struct request *request);

static inline bool request_is_head(const struct request *request)
{
    return bytes_eq_str(request->pub.method, "HEAD");
}

#define REFUSAL_BODIES "too many request bodies at once"

/* {"kind":"Status",...}; NULL without memory. `why` NULL: the reason phrase. */
struct blob *error_reply_body(int status, const char *why);
/* The same; 413 tells the server's limit, whatever `why`. */
struct blob *refusal_body(const struct http_server *server, int status, const char *why);
/* "Not Found"; never NULL. */
const char *http_reason(int status);
/* Response splitting stops here: no control characters in names and values. */
bool http_header_is_sendable(const struct http_header *header);
bool http_value_is_sendable(struct bytes value);

enum status http2_server_init(struct http_server *server);
void http2_server_release(struct http_server *server);
/* The Date of now, as RFC 9110 section 5.6.7 writes it. */
struct bytes http_server_date(struct http_server *server);
/* A connection has gone. */
void http_server_on_conn_gone(struct http_server *server);

#endif
