/*
 * http - the seam between HTTP engines and handlers: a request comes in, and is answered once, or
 * becomes a stream. Handlers never see a type of libh2o or nghttp2.
 *
 *   on_request(user, req) --http_reply()-------------> done, req is gone
 *                         --http_start_stream()------> struct http_stream, req is gone
 *                         --return, answer later-----> req stays until then, or until on_gone()
 *
 * Owner    a request and its arena belong to the transport. They live until http_reply() or
 *          http_start_stream() returns, or until on_gone() has been called (the client left: the
 *          handler forgets the request; it must not answer any more).
 *          A stream belongs to the transport and lives until http_stream_end(),
 * http_stream_abort(), or until on_gone() has been called. Threads  all on the loop the connection
 * belongs to. Errors   the transport itself answers what is wrong with HTTP (400, 413, 431, ...) as
 * a Kubernetes Status, and closes where the RFC asks for it.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP_H

#include "apiserver/transport/frame.h"
#include "apiserver/transport/loop.h"
#include "apiserver/transport/tls.h"
#include "base/arena.h"
#include "base/blob.h"
#include "base/error.h"
#include "base/tally.h"

struct http_header {
    struct bytes name, value; /* names are lower-case in requests */
};

enum http_version { HTTP_1_0, HTTP_1_1, HTTP_2 };

struct http_engine_ops;

struct http_request {
    struct loop *loop;
    struct arena *arena; /* dies with the request */
    enum http_version version;
    struct bytes method;    /* "GET" */
    struct bytes target;    /* raw, as sent: path and query; origin form */
    struct bytes authority; /* Host or :authority */
    const struct http_header *headers;
    size_t header_count;
    struct bytes body;
    struct bytes peer; /* "127.0.0.1:4711", or "unix" */
    uint64_t started_us;
    const struct http_certificate *certificate; /* what the client has shown; NULL: nothing */
    bool can_push;  /* HTTP/2, and the client takes pushed answers: http_stream_push() */
    bool websocket; /* asks for a WebSocket, rightly; the method is GET then, over HTTP/2 too */
    /* the handler's */
    void *user;
    void (*on_gone)(struct http_request *req); /* NULL: the transport just drops the answer */
    struct bytes subprotocol; /* of the WebSocket, chosen from those offered; empty: none */
    /* the transport's */
    const struct http_engine_ops *ops;
};

/* The address alone: its port is the connection's. */
struct bytes http_peer_address(struct bytes peer);
/* The first header of that lower-case name, or ptr NULL. */
struct bytes http_header(const struct http_request *req, const char *name);

struct http_response {
    int status;
    const struct http_header *headers; /* copied; content-length is the transport's own */
    size_t header_count;
    struct blob
        *body; /* NULL: none. The reply takes its own reference. HEAD sends the length only */
};
void http_reply(struct http_request *req, const struct http_response *response);

/* ---- streams: an answer that goes on ---- */
struct http_stream;

struct http_stream_handler {
    /* May write now: called once after the start, and whenever a write has left the process, be it
     * one of the transport's own (a WebSocket's ping), or a push has made room for another. */
    void (*on_ready)(void *user);
    /* The client left, or the write-stall limit struck. The stream is gone: do not touch it. */
    void (*on_gone)(void *user);
    /* A message of a WebSocket's client, at most 64 KiB, borrowed. NULL: they are dropped. */
    void (*on_message)(void *user, struct bytes message);
};
enum { HTTP_STREAM_WRITE_MAX = 64 }; /* frames in one write */

/* Sends status and headers at once. For a request whose `websocket` is set the stream is a
 * WebSocket: each frame is one message of it, a client that breaks its rules or closes is gone, and
 * to end the stream is to close with code 1000 (1001 while the server drains). `handler` and `user`
 * live as long as the stream. Neither callback runs before this returns. NULL without memory: the
 * request was answered with 500. */
struct http_stream *http_start_stream(struct http_request *req, const struct http_response *head,
                                      const struct http_stream_handler *handler, void *user);
/* True: on_ready() has been called and nothing was written since. */
bool http_stream_ready(const struct http_stream *stream);
/* Writes up to HTTP_STREAM_WRITE_MAX frames in one go, taking references. Only when ready. */
void http_stream_write(struct http_stream *stream, struct frame *const *frames, size_t count);
/* The same for a handler whose on_ready() may run inside of this call: at once if all has left. */
void http_stream_write_now(struct http_stream *stream, struct frame *const *frames, size_t count);
/* Pushes an answer to a GET of `path`, with PUSH_PROMISE ahead of what is written afterwards (RFC
 * 9113, section 8.4). Only for a request that said `can_push`. END: not now, the client has as many
 * of them on their way as it takes; on_ready() follows when there is room. UNAVAILABLE: it takes
 * none any more. NO_MEMORY. */
MUST_CHECK enum status http_stream_push(struct http_stream *stream, struct bytes path,
                                        const struct http_response *response);
/* Ends cleanly, behind everything written: last chunk, END_STREAM. No callback follows. */
void http_stream_end(struct http_stream *stream);
/* Ends at once and visibly broken: RST_STREAM, or the connection is cut. No callback follows. */
void http_stream_abort(struct http_stream *stream);

/* ---- the server side of one loop ---- */
struct http_limits {
    uint64_t peer_conns_max;  /* of one address, over all that share `peers`; 0: without bound */
    size_t body_max;          /* 3 MiB: more is 413 */
    uint64_t buffered_max;    /* of bodies, over all that share `peers`: more is 429; 0: no bound */
    size_t head_max;          /* of all header bytes and of the target: more is 431 */
    uint32_t first_byte_ms;   /* silent or slow before the request is complete: closed */
    uint32_t idle_ms;         /* keep-alive without a request */
    uint32_t write_stall_ms;  /* bytes wait and the peer takes none: cut */
    uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT: a peer that acknowledges nothing */
    uint32_t h2_streams_max;  /* a connection */
    uint32_t h2_pushes_max;   /* on their way at once, on a connection */
    uint32_t ping_ms;         /* between pings, of WebSockets and of HTTP/2 with streams; 0: none */
    uint32_t pong_ms;         /* a ping is not answered for so long: cut, at the next one's time */
};
extern const struct http_limits http_limits_default;

struct http_server;
struct http_server_options {
    struct loop *loop;
    const struct http_limits *limits;
    struct tally *peers; /* connections by address, over all loops; NULL: nobody counts */
    void (*on_request)(void *user, struct http_request *req);
    void *user;
};
MUST_CHECK enum status http_server_new(const struct http_server_options *options,
                                       struct http_server **ret_server, struct error *reterr);
/* Accepts on a listening descriptor, which becomes the server's. */
MUST_CHECK enum status http_server_accept_on(struct http_server *server, int fd,
                                             struct error *reterr);
/* The same for a listener of "https://": http_server_set_tls() comes first. */
MUST_CHECK enum status http_server_accept_tls_on(struct http_server *server, int fd,
                                                 struct error *reterr);
/* What handshakes are made with from now on, and clients are judged by. */
void http_server_set_tls(struct http_server *server, struct http_tls *tls);
/* Stops accepting, refuses new requests (503, connection: close), closes idle connections and sends
 * GOAWAY; requests being answered and streams end in their own time. `on_drained` runs once, when
 * no connection is left or after `grace_ms`, whichever comes first. */
void http_server_drain(struct http_server *server, uint32_t grace_ms,
                       void (*on_drained)(void *user), void *user);
/* Cuts what is left. Not from within a request's or a stream's callback; on_drained() is fine. */
void http_server_free(struct http_server *server);

struct http_server_stats {
    uint64_t connections_total, connections_refused_total, requests_total, bytes_sent_total;
    uint64_t connections, streams;
};
/* From any thread. */
void http_server_get_stats(const struct http_server *server, struct http_server_stats *ret_stats);

/* Opens `count` listening descriptors for "http://HOST:PORT" or "https://HOST:PORT" (SO_REUSEPORT;
 * port 0 picks one, the same for all) or "unix:///path" (the same socket for all). `*ret_url` (free
 * it) is what clients use. BAD_REQUEST: no such form; IO: cannot bind; both with words. */
MUST_CHECK enum status http_listen(struct bytes url, int *ret_fds, size_t count, char **ret_url,
                                   struct error *reterr);
/* Only this machine can reach it: loopback, or a unix socket. */
bool http_listener_is_local(int fd);

#endif
