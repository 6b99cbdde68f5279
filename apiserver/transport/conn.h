/*
 * conn - one accepted socket, whatever is spoken on it. Inside the transport only.
 *
 *   accepted --> (TLS handshake) --first bytes--> HTTP/1 <--> HTTP/1 stream --.
 *                                          \----> HTTP/2 ---------------------+--> lingering
 *                                                                              --> closed --> freed
 *
 * Each phase is a `struct conn_ops`. Closing a TLS connection can take a turn, while our good-bye
 * leaves: tls_is_closing() is true then, and a second close does not wait.
 *
 * Owner    the server's list, until the socket closes. Whoever closes it (we or the peer), it
 *          ends in conn_on_close(); the memory stays valid until the end of that turn.
 * Threads  the loop's.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_CONN_H
#define TIDEWATCH_APISERVER_TRANSPORT_CONN_H

#include "apiserver/transport/http.h"
#include "apiserver/transport/http1_chunks.h"
#include "apiserver/transport/loop_h2o.h"
#include "apiserver/transport/peer.h"
#include "base/list.h"

struct conn;
struct request;
struct http2;

struct conn_ops {
    /* Closes the socket at once. */
    void (*cut)(struct conn *conn);
    /* The socket is closed: let go of everything. */
    void (*on_closed)(struct conn *conn);
    /* `wait` has fired: the peer was silent for too long. */
    void (*on_wait)(struct conn *conn);
    /* The end of a turn in which somebody has deferred `turn`; NULL: nothing to do then. */
    void (*on_turn_end)(struct conn *conn);
    /* The server is being drained: no new requests. */
    void (*drain)(struct conn *conn);
};

struct http_stream_ops {
    void (*write)(struct http_stream *stream, struct frame *const *frames, size_t count);
    /* HTTP/1 only; NULL: write() it is. */
    void (*write_now)(struct http_stream *stream, struct frame *const *frames, size_t count);
    void (*end)(struct http_stream *stream);
    void (*abort)(struct http_stream *stream);
    /* HTTP/2 only. */
    enum status (*push)(struct http_stream *stream, struct bytes path,
                        const struct http_response *response);
};

struct http_stream {
    const struct http_stream_ops *ops;
    const struct http_stream_handler *handler; /* NULL: it wants no callbacks any more */
    void *user;
    bool ready;
};

/* Frames that were handed over in one write. Most writes have one or two. */
struct frame_batch {
    union {
        struct frame *few[2];
        struct frame **many; /* on the heap, when they are more than two */
    };
    uint8_t count, at; /* `at` is the first that HTTP/2 has not copied yet */
};

/* What of a frame is sent (frame.h). */
enum wire_form {
    WIRE_CHUNK,   /* HTTP/1.1 */
    WIRE_PAYLOAD, /* HTTP/2, and HTTP/1.0, where the end is the close */
    WIRE_MESSAGE, /* a WebSocket: the handler is websocket.c, and gets the client's bytes */
};

struct http1_stream {
    struct http_stream base;
    struct frame_batch batch; /* on its way to the kernel */
    enum wire_form form : 8;
    bool keep_alive, ending;
    bool turn_cut; /* it is cut at the end of the turn */
};

/* A request on its way in, and its answer on its way out. */
struct http1_exchange {
    struct request *request; /* that is being answered */
    struct http1_chunks chunks;
    uint32_t scanned;  /* of the input: for the end of the head; then it is its length */
    uint32_t body_len; /* that has come; without chunks, that will come */
    bool head_done;
    bool turn_cut; /* as a stream's */
};

/* A hundred thousand of them may be idle watches. */
struct conn {
    const struct conn_ops *ops;
    struct http_server *server;
    h2o_socket_t *sock; /* NULL: closed */
    SSL *ssl;           /* libh2o's; NULL: plain */
    struct list link;
    struct tally_entry *place; /* among those of its address; or NULL */
    struct loop_task turn;
    uint32_t held;     /* bytes of requests, as the address's share counts them */
    uint32_t moved_ms; /* when ours moved last: the low half */
    uint32_t counted;  /* bytes that are in the server's statistics already: the low half */
    uint32_t acked;    /* how many the peer had acknowledged, when we looked: the low half */
    int linger_fd;     /* -1, or what keeps the connection open after that of TLS */
    uint32_t seen;     /* of the input, when `wait` was started */
    struct peer peer;
    union {
        struct {
            struct loop_timer wait; /* for the peer's bytes */
            union {
                struct http1_exchange exchange;
                struct http2 *h2;
                struct http_tls *tls; /* while it shakes hands */
            };
        };
        struct http1_stream stream; /* its peer need not say anything */
    };
};

/* A socket we have accepted (or, for lingering, duplicated). NULL without memory: it is closed. */
struct conn *conn_new(struct http_server *server, h2o_socket_t *sock);
/* Takes its place among those of its address. False: there are too many, and it was refused. */
bool conn_admit(struct conn *conn, bool tls);
/* So many bytes of requests that are not answered yet lie here. False: its address has no room for
 * more than there were. */
MUST_CHECK bool conn_hold(struct conn *conn, size_t len);
/* The same, of no more than there were. */
void conn_let_go(struct conn *conn, size_t len);
/* Shakes hands if it must, reads the first bytes and decides what they are. */
void conn_start(struct conn *conn, bool tls);
/* Sends what was written, then takes no more and closes when the peer does, or soon: closing with
 * unread bytes is a reset, which can take the answer away from the peer (RFC 9112 section 9.6). */
void conn_linger(struct conn *conn);
void conn_wait(struct conn *conn, uint32_t ms);
/* The stream is over, and `wait` is there again. */
void conn_end_stream(struct conn *conn);
/* Sends what the socket takes at once, and says how much that is: nothing over TLS, or when there
 * is an error, which libh2o finds with the rest. libh2o says of each write on the next turn that it
 * is done: what has left needs no buffer until then, nor a look at its connection. */
size_t conn_send_now(struct conn *conn, struct bytes bytes);
/* Bytes are on their way, and are seen to move from now on. */
void conn_write_started(struct conn *conn);
/* Cuts the connections of a server whose peers take nothing: its timer `sweep`. */
void conn_sweep(struct loop_timer *timer);
/* Adds to the server's statistics what was written since. */
void conn_count_sent(struct conn *conn);
/* The close of a socket that we own. */
void conn_close(struct conn *conn);
/* Closes with a reset, so that a half sent answer cannot look whole. */
void conn_reset(struct conn *conn);

void http1_start(struct conn *conn);
void http2_start(struct conn *conn);

extern const struct conn_ops http1_conn_ops;
extern const struct conn_ops http1_stream_conn_ops;
extern const struct conn_ops http2_conn_ops;

/* Takes a reference on each. False without memory. */
bool frame_batch_set(struct frame_batch *batch, struct frame *const *frames, size_t count);
/* That at `at`, which is less than `count`. */
const struct frame *frame_batch_next(struct frame_batch *batch);
void frame_batch_release(struct frame_batch *batch);

#endif
