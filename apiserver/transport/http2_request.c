/* What comes in over HTTP/2: nghttp2 reads frames and headers, this file makes requests of them. */
#include "apiserver/transport/http2.h"

#include <stdlib.h>

#include "apiserver/transport/websocket.h"

enum {
    HEADERS_MAX = 100,
    HEAD_IGNORED = 16,   /* times head_max: so long an oversized head is read and answered 431 */
    BODY_IGNORED = 16,   /* times body_max: the same for a body and 413 */
    BODIES_MAX = 8,      /* times body_max: of all incomplete requests of a connection */
    PROGRESS = 16 << 10, /* of a body in first_byte_ms: slow, but honest */
    FIELD_OVERHEAD = 32, /* of a header, as RFC 9113 section 6.5.2 counts */
};

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* ---- the head ---- */

static void on_request_timeout(struct loop_timer *timer)
{
    struct h2_stream *stream = container_of(timer, struct h2_stream, timer);
    struct conn *conn = stream->h2->conn;
    size_t seen = stream->request->h2.body_seen;

    if (!stream->head_done) {
        conn->ops->cut(conn); /* within a header block no other frame can come */
    } else if (seen >= stream->sent + PROGRESS) {
        stream->sent = seen;
        loop_timer_start(conn->server->loop, timer, conn->server->limits.first_byte_ms);
    } else {
        h2_stream_reset(stream, NGHTTP2_CANCEL);
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct http2 *h2 = user;
    struct conn *conn = h2->conn;
    struct h2_stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (!http2_charge(h2, 0))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    stream->request = request_new(conn, &http2_engine_ops);
    if (stream->request == NULL) {
        free(stream);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream->request->pub.version = HTTP_2;
    stream->request->h2.stream = stream;
    stream->h2 = h2;
    stream->id = frame->hd.stream_id;
    stream->timer.on_fire = on_request_timeout;
    list_append(&h2->streams, &stream->link);
    loop_timer_start(conn->server->loop, &stream->timer, conn->server->limits.first_byte_ms);
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static bool add_header(struct request *request, struct bytes name, struct bytes value)
{
    size_t count = request->pub.header_count;

    if (count == request->h2.capacity) {
        size_t capacity = count != 0 ? count * 2 : 16;
        struct http_header *headers = realloc(request->h2.headers, capacity * sizeof(*headers));

        if (headers == NULL)
            return false;
        request->h2.headers = headers;
        request->h2.capacity = capacity;
    }
    request->h2.headers[count] =
        (struct http_header){arena_dup(&request->arena, name), arena_dup(&request->arena, value)};
    request->pub.headers = request->h2.headers;
    request->pub.header_count++;
    return true;
}

/* nghttp2 has checked which pseudo headers there are, and in which order. */
static void set_pseudo_header(struct request *request, struct bytes name, struct bytes value)
{
    value = arena_dup(&request->arena, value);
    if (bytes_eq_str(name, ":method"))
        request->pub.method = value;
    else if (bytes_eq_str(name, ":path"))
        request->pub.target = value;
    else if (bytes_eq_str(name, ":authority"))
        request->pub.authority = value;
    else if (bytes_eq_str(name, ":protocol"))
        request->h2.protocol = value;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_ptr,
                     size_t name_len, const uint8_t *value_ptr, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    struct bytes name = bytes_of((const char *)name_ptr, name_len);
    struct bytes value = bytes_of((const char *)value_ptr, value_len);
    struct request *request;
    size_t limit = ((struct http2 *)user)->conn->server->limits.head_max;

    (void)flags;
    if (stream == NULL || stream->request == NULL)
        return 0;
    request = stream->request;
    request->h2.head_len += name.len + value.len + FIELD_OVERHEAD;
    if (request->h2.head_len > limit || request->pub.header_count >= HEADERS_MAX)
        request->refusal = 431;
    if (request->h2.head_len > limit * HEAD_IGNORED)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (request->refusal != 0 || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (name.len > 0 && name.ptr[0] == ':')
        set_pseudo_header(request, name, value);
    else if (!add_header(request, name, value))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

/* ---- the body ---- */

void http2_drop_body(struct http2 *h2, size_t len)
{
    h2->bodies_len -= len;
    conn_let_go(h2->conn, h2->bodies_len);
}

/* A body that is too large is read to its end, so that the client gets to see the 413. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct http2 *h2 = user;
    struct h2_stream *stream = stream_of(session, id);
    size_t limit = h2->conn->server->limits.body_max;
    struct request *request;

    (void)flags;
    if (stream != NULL && stream->tunnel)
        h2_stream_on_bytes(stream, bytes_of((const char *)data, len));
    if (stream == NULL || stream->tunnel || stream->request == NULL)
        return 0;
    request = stream->request;
    request->h2.body_seen += len;
    if (request->h2.body_seen > limit && request->refusal == 0)
        request->refusal = 413;
    if (request->refusal != 0) {
        http2_drop_body(h2, request->h2.body.len);
        buf_release(&request->h2.body);
        if (request->h2.body_seen > limit * BODY_IGNORED)
            h2_stream_reset(stream, NGHTTP2_CANCEL);
        return 0;
    }
    h2->bodies_len += len;
    buf_append(&request->h2.body, data, len);
    if (request->h2.body.failed || h2->bodies_len > limit * BODIES_MAX ||
        !conn_hold(h2->conn, h2->bodies_len)) {
        request->refusal = 429;
        request->why = REFUSAL_BODIES;
    }
    return 0;
}

/* ---- whole requests ---- */

/* nghttp2 looks at :path for the schemes http and https only. */
static bool is_target(const struct http_request *pub)
{
    return bytes_starts_with(pub->target, BYTES("/")) || bytes_eq_str(pub->method, "CONNECT") ||
           (bytes_eq_str(pub->target, "*") && bytes_eq_str(pub->method, "OPTIONS"));
}

static void dispatch(struct h2_stream *stream)
{
    struct request *request = stream->request;
    struct http_request *pub = &request->pub;

    loop_timer_stop(pub->loop, &stream->timer);
    http2_drop_body(stream->h2, request->h2.body.len);
    pub->body = buf_bytes(&request->h2.body);
    if (pub->authority.len == 0 && http_header(pub, "host").ptr != NULL)
        pub->authority = http_header(pub, "host");
    if (!is_target(pub) && request->refusal == 0) {
        request->refusal = 400;
        request->why = "malformed request target";
    }
    websocket_read_handshake(request, request->h2.protocol);
    pub->can_push = bytes_eq_str(pub->method, "GET") && http2_can_push(stream->h2);
    request_dispatch(request);
}

/* Frames that cost us and ask nothing. */
static bool is_idle_frame(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    case NGHTTP2_PRIORITY:
        return true;
    case NGHTTP2_DATA:
        return frame->hd.length == 0 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
    default:
        return false;
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct http2 *h2 = user;
    struct h2_stream *stream;
    bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        h2->pinged_ms = 0;
    if (is_idle_frame(frame) && !http2_charge(h2, HTTP2_IDLE_FRAME_MS))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    stream = stream_of(session, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    if (stream->request != NULL && !stream->tunnel) {
        stream->head_done = true;
        stream->tunnel = stream->request->h2.protocol.len > 0;
        if (stream->tunnel || ended)
            dispatch(stream);
    }
    if (stream->tunnel && ended)
        h2_stream_on_client_end(stream);
    return 0;
}

/* nghttp2 will answer with a reset, but not before all that was read is worked through. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user)
{
    (void)session;
    (void)frame;
    (void)error;
    return http2_charge(user, HTTP2_RESET_MS) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Resets count, whoever made them: a client can make us send them, too. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user)
{
    struct http2 *h2 = user;
    struct h2_stream *stream = stream_of(session, id);

    if (error_code != NGHTTP2_NO_ERROR && id % 2 != 0)
        (void)http2_charge(h2, HTTP2_RESET_MS);
    else if (error_code != NGHTTP2_NO_ERROR)
        h2->pushes_refused++;
    if (stream != NULL)
        h2_stream_gone(stream);
    return 0;
}

void http2_set_request_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
