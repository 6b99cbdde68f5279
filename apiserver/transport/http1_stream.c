/*
 * A stream over HTTP/1: libh2o writes the head and hands the socket over, as it does for an
 * upgrade; from then on we write frames, which are chunks already, straight from shared memory.
 * After the last chunk libh2o gets the socket back and keep-alive goes on. Under a WebSocket the
 * frames are its messages, and what the client sends is handed up.
 *
 *   head on its way --taken--> READY <--write/written--> SENDING --end--> last chunk -->
 * http1_start
 */
#include "apiserver/transport/http1.h"

#include <h2o/http1.h>

#include "apiserver/transport/tls_conn.h"

enum {
    PIPELINED_MAX = 64 << 10, /* a peer that goes on sending during a stream is cut there */
    GATHER_KEPT = 256 << 10,
};

static const struct http_stream_ops http1_stream_ops;

static void on_finished(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    conn_count_sent(conn);
    if (err != NULL || (conn->server->draining && sock->input->size == 0)) {
        conn_close(conn); /* nothing of the peer's is unread: what we wrote still gets there */
    } else if (!conn->h1.stream.keep_alive || conn->server->draining) {
        conn_linger(conn);
    } else {
        h2o_socket_read_stop(sock);
        http1_start(conn);
    }
}

/* Everything written has left, and the handler wants no more. */
static void finish(struct conn *conn)
{
    h2o_iovec_t last_chunk = h2o_iovec_init(H2O_STRLIT("0\r\n\r\n"));

    if (conn->h1.stream.form != WIRE_CHUNK) {
        conn_linger(conn);
        return;
    }
    conn_write_started(conn);
    h2o_socket_write(conn->sock, &last_chunk, 1, on_finished);
}

static void go_on(struct conn *conn)
{
    struct http_stream *stream = &conn->h1.stream.base;

    if (conn->h1.stream.ending) {
        finish(conn);
        return;
    }
    stream->ready = true;
    stream->handler->on_ready(stream->user);
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    frame_batch_release(&conn->h1.stream.batch);
    conn_count_sent(conn);
    if (err != NULL)
        conn_close(conn);
    else
        go_on(conn);
}

/* The input goes up whole, and out of the socket first: the handler may close that. */
static void hand_up(struct conn *conn)
{
    struct http_stream *stream = &conn->h1.stream.base;
    h2o_buffer_t *input = conn->sock->input;

    h2o_buffer_init(&conn->sock->input, &h2o_socket_buffer_prototype);
    if (stream->handler != NULL)
        stream->handler->on_message(stream->user, bytes_of(input->bytes, input->size));
    h2o_buffer_dispose(&input);
}

/* The peer leaves (a half-close counts, as in Go's server), or sends the next request early. */
static void on_read(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    if (err != NULL || tls_peer_is_gone(conn))
        conn_close(conn);
    else if (conn->h1.stream.form == WIRE_MESSAGE)
        hand_up(conn);
    else if (sock->input->size > PIPELINED_MAX)
        conn_close(conn);
}

/* libh2o has sent the head and lets go. `sock` NULL: it could not, and has closed the socket. */
static void on_taken(void *data, h2o_socket_t *sock, size_t request_len)
{
    struct conn *conn = data;

    if (sock == NULL)
        return;
    sock->data = conn;
    h2o_buffer_consume(&sock->input, request_len); /* all of it: the buffer is given back */
    h2o_socket_read_start(sock, on_read);
    conn->h1.stream.taken = true;
    go_on(conn);
    if (conn->sock != NULL && conn->ops == &http1_stream_conn_ops && sock->input->size > 0)
        on_read(sock, NULL);
}

/* Two Connection headers, as libh2o always sends "Connection: upgrade" when it hands over. */
static void set_stream_head(struct request *request, const struct http_response *head,
                            struct http1_stream *stream)
{
    h2o_req_t *req = request->h1.req;

    http1_set_head(request, head);
    stream->form = request->pub.websocket             ? WIRE_MESSAGE
                   : request->pub.version == HTTP_1_0 ? WIRE_PAYLOAD
                                                      : WIRE_CHUNK;
    if (stream->form == WIRE_MESSAGE)
        return;
    stream->keep_alive = req->http1_is_persistent && stream->form == WIRE_CHUNK;
    if (stream->form == WIRE_CHUNK)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_TRANSFER_ENCODING, NULL,
                       H2O_STRLIT("chunked"));
    if (!stream->keep_alive)
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("connection"), 0, NULL,
                              H2O_STRLIT("close"));
}

struct http_stream *http1_start_stream(struct request *request, const struct http_response *head,
                                       const struct http_stream_handler *handler, void *user)
{
    struct conn *conn = request->h1.conn;
    struct http1_stream *stream = &conn->h1.stream;

    conn->h1.turn_cut = false;
    *stream =
        (struct http1_stream){.base = {.ops = &http1_stream_ops, .handler = handler, .user = user}};
    set_stream_head(request, head, stream);
    conn->ops = &http1_stream_conn_ops;
    COUNTER_ADD(conn->server->counters.streams, 1);
    conn_write_started(conn);
    h2o_http1_upgrade(request->h1.req, NULL, 0, on_taken, conn);
    return &stream->base;
}

/* ---- what the handler calls ---- */

/* By reference, in one piece or two. */
static size_t as_sent(const struct frame *frame, enum wire_form form, h2o_iovec_t *ret_vec)
{
    struct bytes head = form == WIRE_MESSAGE ? frame_head(frame) : bytes_of(NULL, 0);
    struct bytes rest = form == WIRE_CHUNK     ? bytes_of(frame->data, frame->len)
                        : form == WIRE_PAYLOAD ? frame_payload(frame)
                                               : frame_message(frame);
    size_t count = 0;

    if (head.len > 0)
        ret_vec[count++] = h2o_iovec_init(head.ptr, head.len);
    if (rest.len > 0)
        ret_vec[count++] = h2o_iovec_init(rest.ptr, rest.len);
    return count;
}

/* Each piece of a write becomes a TLS record, of 22 bytes and more: many small ones become one. It
 * is encrypted within the write, so the copy is free again at once. */
static size_t gather(struct conn *conn, h2o_iovec_t *vec, size_t count)
{
    struct buf *all = &conn->server->gather;

    all->len = 0;
    for (size_t i = 0; i < count; i++)
        buf_append(all, vec[i].base, vec[i].len);
    if (all->failed) {
        buf_release(all);
        return count;
    }
    vec[0] = h2o_iovec_init(all->data, all->len);
    return 1;
}

static void http1_stream_write(struct http_stream *base, struct frame *const *frames, size_t count)
{
    struct http1_stream *stream = (struct http1_stream *)base;
    struct conn *conn = container_of(stream, struct conn, h1.stream);
    h2o_iovec_t vec[2 * HTTP_STREAM_WRITE_MAX];
    size_t vec_count = 0;

    for (size_t i = 0; i < count; i++)
        vec_count += as_sent(frames[i], stream->form, vec + vec_count);
    if (!frame_batch_set(&stream->batch, frames, count)) {
        conn->h1.turn_cut = true; /* not here: on_gone() would run inside of this call */
        loop_defer(conn->server->loop, &conn->turn);
        return;
    }
    if (conn->ssl != NULL && vec_count > 1)
        vec_count = gather(conn, vec, vec_count);
    conn_write_started(conn);
    h2o_socket_write(conn->sock, vec, vec_count, on_written);
    if (conn->server->gather.capacity > GATHER_KEPT)
        buf_release(&conn->server->gather);
}

static void http1_stream_end(struct http_stream *base)
{
    struct http1_stream *stream = (struct http1_stream *)base;
    struct conn *conn = container_of(stream, struct conn, h1.stream);

    COUNTER_SUB(conn->server->counters.streams, 1);
    stream->ending = true;
    if (stream->taken && !h2o_socket_is_writing(conn->sock))
        finish(conn);
}

static void http1_stream_abort(struct http_stream *base)
{
    struct conn *conn = container_of((struct http1_stream *)base, struct conn, h1.stream);

    COUNTER_SUB(conn->server->counters.streams, 1);
    conn_reset(conn);
}

static const struct http_stream_ops http1_stream_ops = {
    .write = http1_stream_write, .end = http1_stream_end, .abort = http1_stream_abort};

/* ---- the connection meanwhile ---- */

static void cut(struct conn *conn)
{
    if (conn->h1.stream.taken)
        conn_close(conn);
    else
        http1_cut(conn);
}

static void on_closed(struct conn *conn)
{
    struct http_stream *stream = &conn->h1.stream.base;
    const struct http_stream_handler *handler = stream->handler;

    frame_batch_release(&conn->h1.stream.batch);
    stream->handler = NULL;
    if (handler == NULL)
        return;
    COUNTER_SUB(conn->server->counters.streams, 1);
    handler->on_gone(stream->user);
}

static void on_turn_end(struct conn *conn)
{
    if (conn->h1.turn_cut)
        cut(conn);
}

static void nothing(struct conn *conn)
{
    (void)conn;
}

const struct conn_ops http1_stream_conn_ops = {.cut = cut,
                                               .on_closed = on_closed,
                                               .on_wait = nothing,
                                               .on_turn_end = on_turn_end,
                                               .drain = nothing};
