/*
 * A stream over HTTP/1: behind the head we write frames, which are chunks already, straight from
 * shared memory. After the last chunk the connection goes on with the next request. Under a
 * WebSocket the frames are its messages, and what the client sends is handed up.
 *
 *   head, a frame like any other --written--> READY <--write/written--> SENDING --end-->
 *   last chunk --> http1_start
 */
#include "apiserver/transport/http1.h"

#include <sys/socket.h>

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
    } else if (!conn->stream.keep_alive || conn->server->draining) {
        conn_end_stream(conn);
        conn_linger(conn);
    } else {
        conn_end_stream(conn);
        http1_start(conn);
    }
}

/* While the server drains, last chunk and close leave in one segment. False: not so. */
static bool finish_and_close(struct conn *conn, struct bytes last_chunk)
{
    ssize_t sent;

    if (!conn->server->draining || conn->ssl != NULL || conn->sock->input->size > 0)
        return false;
    sent = send(h2o_socket_get_fd(conn->sock), last_chunk.ptr, last_chunk.len,
                MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return false;
    if ((size_t)sent < last_chunk.len)
        conn_reset(conn); /* nor has it room for the rest now */
    else
        conn_close(conn);
    return true;
}

/* Everything written has left, and the handler wants no more. */
static void finish(struct conn *conn)
{
    static const struct bytes last_chunk = BYTES_INIT("0\r\n\r\n");
    h2o_iovec_t vec = h2o_iovec_init(last_chunk.ptr, last_chunk.len);

    if (conn->stream.form != WIRE_CHUNK) {
        conn_end_stream(conn);
        conn_linger(conn);
        return;
    }
    if (finish_and_close(conn, last_chunk))
        return;
    conn_write_started(conn);
    h2o_socket_write(conn->sock, &vec, 1, on_finished);
}

static void go_on(struct conn *conn)
{
    struct http_stream *stream = &conn->stream.base;

    if (conn->stream.ending) {
        finish(conn);
        return;
    }
    stream->ready = true;
    stream->handler->on_ready(stream->user);
}

/* The input goes up whole, and out of the socket first: the handler may close that. */
static void hand_up(struct conn *conn)
{
    struct http_stream *stream = &conn->stream.base;
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
    else if (conn->stream.form == WIRE_MESSAGE)
        hand_up(conn);
    else if (sock->input->size > PIPELINED_MAX)
        conn_close(conn);
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    frame_batch_release(&conn->stream.batch);
    conn_count_sent(conn);
    if (err != NULL)
        conn_close(conn);
    else
        go_on(conn);
    /* What a WebSocket's client has sent behind its handshake. */
    if (conn->sock != NULL && conn->ops == &http1_stream_conn_ops &&
        conn->stream.form == WIRE_MESSAGE && sock->input->size > 0)
        on_read(sock, NULL);
}

static enum wire_form form_of(const struct request *request)
{
    return request->pub.websocket             ? WIRE_MESSAGE
           : request->pub.version == HTTP_1_0 ? WIRE_PAYLOAD
                                              : WIRE_CHUNK;
}

/* The connection is the stream's from now on. */
static void take_over(struct request *request, struct http1_stream stream)
{
    struct conn *conn = request->h1.conn;

    h2o_buffer_consume(&conn->sock->input, request->h1.len); /* all of it: it is given back */
    conn->stream = stream;
    conn->ops = &http1_stream_conn_ops;
    request_free(request);
    h2o_socket_dont_read(conn->sock, 0);
    h2o_socket_read_start(conn->sock, on_read);
    count_own(&conn->server->counters.streams, 1);
}

struct http_stream *http1_start_stream(struct request *request, const struct http_response *head,
                                       const struct http_stream_handler *handler, void *user)
{
    struct conn *conn = request->h1.conn;
    enum wire_form form = form_of(request);
    struct bytes text, payload;
    struct frame *frame;
    h2o_iovec_t vec;

    request->close |= form == WIRE_PAYLOAD; /* its end is the close */
    text = http1_write_head(request, head, true);
    frame = text.len > 0 ? frame_new(text) : NULL;
    if (frame == NULL) {
        request->pub.ops->reply(request, &(struct http_response){.status = 500});
        return NULL;
    }
    take_over(request, (struct http1_stream){
                           .base = {.ops = &http1_stream_ops, .handler = handler, .user = user},
                           .form = form,
                           .keep_alive = form == WIRE_CHUNK && http1_keeps_alive(request)});
    (void)frame_batch_set(&conn->stream.batch, &frame, 1); /* it has room for one */
    payload = frame_payload(frame);
    vec = h2o_iovec_init(payload.ptr, payload.len);
    conn_write_started(conn);
    h2o_socket_write(conn->sock, &vec, 1, on_written);
    frame_unref(frame);
    return &conn->stream.base;
}

/* ---- what the handler calls ---- */

/* By reference, in one piece or two, without the first `sent` bytes of the last. */
static size_t as_sent(const struct frame *frame, enum wire_form form, size_t sent,
                      h2o_iovec_t *ret_vec)
{
    struct bytes head = form == WIRE_MESSAGE ? frame_head(frame) : bytes_of(NULL, 0);
    struct bytes rest = form == WIRE_CHUNK     ? bytes_of(frame->data, frame->len)
                        : form == WIRE_PAYLOAD ? frame_payload(frame)
                                               : frame_message(frame);
    size_t count = 0;

    if (head.len > 0)
        ret_vec[count++] = h2o_iovec_init(head.ptr, head.len);
    rest = bytes_from(rest, sent);
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

/* `sent` bytes have left already, of a first frame in one piece. */
static void write_rest(struct http1_stream *stream, struct frame *const *frames, size_t count,
                       size_t sent)
{
    struct conn *conn = container_of(stream, struct conn, stream);
    h2o_iovec_t vec[2 * HTTP_STREAM_WRITE_MAX];
    size_t vec_count = 0;

    for (size_t i = 0; i < count; i++)
        vec_count += as_sent(frames[i], stream->form, i == 0 ? sent : 0, vec + vec_count);
    if (!frame_batch_set(&stream->batch, frames, count)) {
        conn->stream.turn_cut = true; /* not here: on_gone() would run inside of this call */
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

static void http1_stream_write(struct http_stream *base, struct frame *const *frames, size_t count)
{
    write_rest((struct http1_stream *)base, frames, count, 0);
}

/* One event in one piece is what nearly all writes are. */
static void http1_stream_write_now(struct http_stream *base, struct frame *const *frames,
                                   size_t count)
{
    struct http1_stream *stream = (struct http1_stream *)base;
    struct conn *conn = container_of(stream, struct conn, stream);
    h2o_iovec_t piece[2];
    size_t sent = 0;

    if (count == 1 && as_sent(frames[0], stream->form, 0, piece) == 1) {
        sent = conn_send_now(conn, bytes_of(piece[0].base, piece[0].len));
        if (sent == piece[0].len) {
            conn_count_sent(conn);
            go_on(conn);
            return;
        }
    }
    write_rest(stream, frames, count, sent);
}

static void http1_stream_end(struct http_stream *base)
{
    struct http1_stream *stream = (struct http1_stream *)base;
    struct conn *conn = container_of(stream, struct conn, stream);

    discount_own(&conn->server->counters.streams, 1);
    stream->ending = true;
    if (!h2o_socket_is_writing(conn->sock))
        finish(conn);
}

static void http1_stream_abort(struct http_stream *base)
{
    struct conn *conn = container_of((struct http1_stream *)base, struct conn, stream);

    discount_own(&conn->server->counters.streams, 1);
    conn_reset(conn);
}

static const struct http_stream_ops http1_stream_ops = {.write = http1_stream_write,
                                                        .write_now = http1_stream_write_now,
                                                        .end = http1_stream_end,
                                                        .abort = http1_stream_abort};

/* ---- the connection meanwhile ---- */

static void on_closed(struct conn *conn)
{
    struct http_stream *stream = &conn->stream.base;
    const struct http_stream_handler *handler = stream->handler;

    frame_batch_release(&conn->stream.batch);
    stream->handler = NULL;
    if (handler == NULL)
        return;
    discount_own(&conn->server->counters.streams, 1);
    handler->on_gone(stream->user);
}

static void on_turn_end(struct conn *conn)
{
    if (conn->stream.turn_cut)
        conn_close(conn);
}

static void nothing(struct conn *conn)
{
    (void)conn;
}

const struct conn_ops http1_stream_conn_ops = {.cut = conn_close,
                                               .on_closed = on_closed,
                                               .on_wait = nothing,
                                               .on_turn_end = on_turn_end,
                                               .drain = nothing};
