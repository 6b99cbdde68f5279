/*
 * HTTP/1: libh2o parses requests and writes answers; this file stands on both sides of it.
 *
 *   socket --> gate (times, sizes, chunks) --> libh2o --> on_h2o_request (strict reading)
 *       <-- libh2o <-- reply (head and body in one write, the body by reference) <-- handler
 *
 * The gate is our read callback in front of libh2o's. libh2o puts its own back when an answer has
 * left, to wait for the next request, or a 100, to wait for a body; our write callback behind its
 * own sees that, and puts the gate back. What is pipelined behind a request is kept from libh2o
 * until then. Every connection of libh2o is closed by calling its read callback with an error.
 */
#include "apiserver/transport/http1.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <h2o/http1.h>

#include "apiserver/transport/http1_head.h"
#include "apiserver/transport/tls_conn.h"
#include "apiserver/transport/websocket.h"

enum {
    SLICE = 256 << 10,           /* of an answer in one write: so it can be seen to move */
    PROGRESS = 16 << 10,         /* of a request body in first_byte_ms: slow, but honest */
    ENGINE_TIMEOUT_MS = 3600000, /* libh2o's own timer; ours are stricter */
};

static const struct http_engine_ops http1_engine_ops;

static void stand_behind(struct conn *conn);

static struct bytes input_of(const h2o_socket_t *sock)
{
    return bytes_of(sock->input->bytes, sock->input->size);
}

void http1_cut(struct conn *conn)
{
    if (tls_is_closing(conn)) /* libh2o has let go of it */
        conn_close(conn);
    else
        conn->server->h2o_read(conn->sock, h2o_socket_error_closed);
}

/* ---- the gate ---- */

static_assert((int)HTTP1_HEADERS_MAX == (int)H2O_MAX_HEADERS, "what libh2o takes");

/* Past libh2o, behind nothing. Over TLS it waits in libh2o's buffer, and leaves with the close. */
static void send_past(struct conn *conn, struct bytes answer)
{
    if (conn->ssl != NULL)
        (void)!SSL_write(conn->ssl, answer.ptr, (int)answer.len);
    else
        (void)!send(conn->linger_fd, answer.ptr, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* libh2o would answer a long head with 400, and a chunk of 2^63 bytes with patience. We are
 * earlier, and have the right answer. It goes past libh2o, which is only reading now, and then
 * closes. */
static void refuse(struct conn *conn, int status)
{
    const char *why = status == 400   ? "malformed chunked body"
                      : status == 429 ? REFUSAL_BODIES
                                      : NULL;
    struct blob *body = refusal_body(conn->server, status, why);
    struct buf answer = {0};

    conn_linger_after_close(conn);
    if (body != NULL && conn->linger_fd >= 0) {
        buf_appendf(&answer,
                    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                    "%sConnection: close\r\n\r\n%.*s",
                    status, http_reason(status), body->len,
                    status == 429 ? "Retry-After: 1\r\n" : "", BYTES_FMT(blob_bytes(body)));
        if (!answer.failed)
            send_past(conn, buf_bytes(&answer));
    }
    buf_release(&answer);
    blob_unref(body);
    http1_cut(conn);
}

static void wait_for_request(struct conn *conn)
{
    const struct http_limits *limits = &conn->server->limits;

    conn_wait(conn, conn->sock->input->size == 0 ? limits->idle_ms : limits->first_byte_ms);
}

/* What libh2o has not seen yet: 0, or the status to refuse it with. */
static int look_at_input(struct conn *conn)
{
    const struct http_limits *limits = &conn->server->limits;
    struct bytes input = input_of(conn->sock);

    if (!conn->h1.head_done) {
        conn->h1.head_done = http1_head_is_complete(input, &conn->h1.scanned);
        if (conn->h1.scanned > limits->head_max ||
            (conn->h1.head_done && http1_head_has_too_many(bytes_of(input.ptr, conn->h1.scanned))))
            return 431;
    }
    if (!conn->h1.head_done || conn->h1.scanned == input.len)
        return 0;
    if (!conn->h1.body_seen) {
        bool chunked = http1_head_is_chunked(bytes_of(input.ptr, conn->h1.scanned));

        conn->h1.body_seen = true;
        conn->h1.chunks = (struct http1_chunks){.at = chunked ? CHUNK_SIZE_BEGIN : CHUNKS_NONE};
    }
    return http1_chunks_look(&conn->h1.chunks, bytes_from(input, conn->h1.scanned),
                             limits->body_max);
}

/* The request is not whole. libh2o has put what was decoded in the place of chunks. */
static void mark_seen(struct conn *conn)
{
    if (conn->h1.head_done)
        conn->h1.scanned = (uint32_t)conn->sock->input->size;
}

static bool is_reading(const struct conn *conn)
{
    return conn->sock != NULL && !tls_is_closing(conn) && conn->ops == &http1_conn_ops &&
           conn->h1.request == NULL;
}

static void on_gate_read(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->on_close.data;
    bool was_idle = conn->seen == 0;
    int status = err == NULL ? look_at_input(conn) : 0;

    if (status == 0 && !conn_hold(conn, sock->input->size))
        status = 429;
    if (status != 0) {
        refuse(conn, status);
        return;
    }
    conn->server->h2o_read(sock, err);
    if (!is_reading(conn))
        return;
    mark_seen(conn);
    if (was_idle)
        wait_for_request(conn);
    stand_behind(conn); /* it says 100, or answers by itself */
}

/* What is pipelined comes now; nothing was read meanwhile. */
static void next_request(struct conn *conn)
{
    h2o_socket_t *sock = conn->sock;

    if (conn->h1.next != NULL) {
        h2o_buffer_dispose(&sock->input);
        sock->input = conn->h1.next;
        conn->h1.next = NULL;
    }
    conn_let_go(conn, sock->input->size);
    wait_for_request(conn);
    if (sock->input->size > 0)
        on_gate_read(sock, NULL);
    else if (conn->server->draining)
        http1_cut(conn);
}

/* What libh2o has written is gone. */
static void on_wrote(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->on_close.data;

    conn->h1.on_wrote(sock, err);
    if (!is_reading(conn) || sock->_cb.read != conn->server->h2o_read)
        return;
    h2o_socket_read_start(sock, on_gate_read);
    if (conn->h1.head_done)
        mark_seen(conn);
    else
        next_request(conn);
}

static void stand_behind(struct conn *conn)
{
    h2o_socket_t *sock = conn->sock;

    if (sock == NULL || sock->_cb.write == NULL || sock->_cb.write == on_wrote)
        return;
    conn->h1.on_wrote = sock->_cb.write;
    sock->_cb.write = on_wrote;
}

static void http1_on_wait(struct conn *conn)
{
    if (conn->seen > 0 && conn->sock->input->size >= conn->seen + (size_t)PROGRESS)
        conn_wait(conn, conn->server->limits.first_byte_ms);
    else
        http1_cut(conn);
}

/* Gives the socket to libh2o, hiding its input, so that the first request passes the gate, too. */
void http1_start(struct conn *conn)
{
    struct http_server *server = conn->server;
    h2o_socket_t *sock = conn->sock;
    h2o_buffer_t *input = sock->input;

    conn->ops = &http1_conn_ops;
    conn->h1.request = NULL;
    conn->h1.scanned = 0;
    conn->h1.head_done = conn->h1.body_seen = false;
    conn->h1.next = NULL;
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    h2o_http1_accept(&server->accept, sock, *h2o_get_timestamp(&server->ctx, NULL, NULL));
    server->h2o_read = sock->_cb.read;
    sock->input = input;
    h2o_socket_read_start(sock, on_gate_read);
    wait_for_request(conn);
    if (sock->input->size != 0)
        on_gate_read(sock, NULL);
}

static void http1_drain(struct conn *conn)
{
    if (conn->h1.request == NULL && conn->sock->input->size == 0 && conn->h1.next == NULL &&
        !h2o_socket_is_writing(conn->sock))
        http1_cut(conn);
}

static void http1_on_closed(struct conn *conn)
{
    /* libh2o has disposed of its request before it closed: on_pool_gone() */
    if (conn->h1.next != NULL)
        h2o_buffer_dispose(&conn->h1.next);
}

const struct conn_ops http1_conn_ops = {
    .cut = http1_cut, .on_closed = http1_on_closed, .on_wait = http1_on_wait, .drain = http1_drain};

/* ---- requests ---- */

/* Keeps what is pipelined from libh2o, which would read on before the gate is back. In its place it
 * gets a buffer of which it will drop the request, unread. */
static void keep_for_gate(struct conn *conn, size_t request_len)
{
    h2o_buffer_t *input = conn->sock->input, *spent;

    conn->h1.scanned = 0;
    conn->h1.head_done = conn->h1.body_seen = false;
    if (input->size <= request_len)
        return;
    h2o_buffer_init(&spent, &h2o_socket_buffer_prototype);
    if (h2o_buffer_reserve(&spent, request_len).base == NULL)
        return;
    spent->size = request_len;
    h2o_buffer_consume(&input, request_len);
    conn->sock->input = spent;
    conn->h1.next = input;
}

/* The request's memory at libh2o goes: it was answered, or the connection closes. What the handler
 * sees points into the socket's input, which is kept for a handler that does not know. */
static void on_pool_gone(void *slot)
{
    struct request *request = *(struct request **)slot;
    struct conn *conn = request->h1.conn;

    conn->h1.request = NULL;
    if (conn->sock != NULL)
        conn_count_sent(conn);
    request->h1.answer = blob_unref(request->h1.answer);
    if (!request->answered && request->pub.on_gone == NULL && conn->sock != NULL) {
        request->h1.input = conn->sock->input;
        h2o_buffer_init(&conn->sock->input, &h2o_socket_buffer_prototype);
    } else if (conn->sock != NULL && conn->ops == &http1_conn_ops) {
        keep_for_gate(conn, request->h1.len);
    }
    request_gone(request);
}

static void read_strictly(struct request *request, struct bytes input)
{
    struct http_request *pub = &request->pub;
    struct http1_head head;

    request->refusal = http1_head_read(input, &request->arena, &head);
    request->why = head.why;
    request->h1.len =
        pub->body.ptr != NULL ? (size_t)(pub->body.ptr + pub->body.len - input.ptr) : head.len;
    request->close = request->refusal != 0;
    pub->method = head.method;
    pub->target = head.target;
    pub->authority = head.authority;
    pub->headers = head.headers;
    pub->header_count = head.header_count;
    pub->version = head.version;
}

/* The one handler that libh2o knows. */
static int on_h2o_request(h2o_handler_t *self, h2o_req_t *req)
{
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    struct conn *conn = sock->on_close.data;
    struct request *request, **slot;

    (void)self;
    loop_timer_stop(conn->server->loop, &conn->wait);
    request = request_new(conn, &http1_engine_ops);
    if (request == NULL)
        return -1; /* libh2o's 404, of which error_filter makes a 500 */
    request->pub.body = bytes_of(req->entity.base, req->entity.len);
    request->h1.req = req;
    request->h1.conn = conn;
    slot = h2o_mem_alloc_shared(&req->pool, sizeof(*slot), on_pool_gone);
    *slot = request;
    conn->h1.request = request;
    read_strictly(request, input_of(sock));
    websocket_read_handshake(request, bytes_of(NULL, 0));
    request_dispatch(request);
    return 0;
}

/* ---- answers ---- */

static h2o_iovec_t copy_to_pool(h2o_req_t *req, struct bytes text)
{
    return h2o_strdup(&req->pool, text.ptr, text.len);
}

/* Ours to decide: how long it is, and what becomes of the connection. */
static bool is_hop_header(struct bytes name)
{
    static const struct bytes names[] = {BYTES_INIT("content-length"), BYTES_INIT("connection"),
                                         BYTES_INIT("transfer-encoding"), BYTES_INIT("keep-alive"),
                                         BYTES_INIT("date")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (name.len == names[i].len && bytes_ieq(name, names[i]))
            return true;
    return false;
}

void http1_set_head(struct request *request, const struct http_response *response)
{
    h2o_req_t *req = request->h1.req;

    if (request->close || request->server->draining)
        req->http1_is_persistent = 0;
    req->res.status = response->status;
    req->res.reason = http_reason(response->status);
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *header = &response->headers[i];
        h2o_iovec_t name, value;

        if (is_hop_header(header->name) || !http_header_is_sendable(header))
            continue;
        name = copy_to_pool(req, header->name);
        value = copy_to_pool(req, header->value);
        h2o_add_header_by_str(&req->pool, &req->res.headers, name.base, name.len, 0, NULL,
                              value.base, value.len);
    }
}

static void send_slice(struct request *request)
{
    struct conn *conn = request->h1.conn;
    struct blob *answer = request->h1.answer;
    size_t rest = answer->len - request->h1.answer_at;
    size_t len = rest < SLICE ? rest : SLICE;
    h2o_iovec_t slice = h2o_iovec_init(answer->data + request->h1.answer_at, len);

    request->h1.answer_at += len;
    conn_write_started(conn);
    h2o_send(request->h1.req, &slice, 1,
             len == rest ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
    if (len == rest)
        stand_behind(conn);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    struct request *request = container_of(generator, struct request, h1.generator);

    (void)req;
    send_slice(request);
}

static void http1_reply(struct request *request, const struct http_response *response)
{
    struct conn *conn = request->h1.conn;
    h2o_req_t *req = request->h1.req;
    size_t len = response->body != NULL ? response->body->len : 0;

    http1_set_head(request, response);
    /* RFC 9110, 8.6: not in a 204; a 304 would tell the length of what it does not send. */
    if (response->status != 204 && response->status != 304)
        req->res.content_length = len;
    request->h1.generator = (h2o_generator_t){.proceed = on_proceed};
    if (request->refusal != 0)
        conn_linger_after_close(conn);
    h2o_start_response(req, &request->h1.generator);
    if (len == 0 || request_is_head(request)) {
        conn_write_started(conn);
        h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
        stand_behind(conn);
    } else {
        request->h1.answer = blob_ref(response->body);
        send_slice(request);
    }
}

static const struct http_engine_ops http1_engine_ops = {.reply = http1_reply,
                                                        .start_stream = http1_start_stream};

/* ---- the answers that libh2o gives by itself: 400, 413, 417, as text; we make Status of them ----
 */

struct error_body {
    h2o_ostream_t super; /* first: libh2o allocates it */
    h2o_iovec_t json;
};

static void send_error_body(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                            h2o_send_state_t state)
{
    struct error_body *body = (struct error_body *)self;

    (void)bufs;
    h2o_ostream_send_next(self, req, &body->json, count > 0 ? 1 : 0, state);
}

static void error_filter(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    struct conn *conn = sock->on_close.data;
    struct error_body *body;
    struct blob *json;

    (void)self;
    h2o_setup_next_ostream(req, slot);
    if (conn->h1.request != NULL)
        return;
    if (req->res.status == 404) /* there was no memory for the request */
        req->res.status = 500;
    req->res.reason = http_reason(req->res.status);
    json = refusal_body(conn->server, req->res.status, NULL);
    if (json == NULL)
        return;
    body = (struct error_body *)h2o_add_ostream(req, sizeof(*body), slot);
    body->super.do_send = send_error_body;
    body->json = copy_to_pool(req, blob_bytes(json));
    blob_unref(json);
    req->http1_is_persistent = 0;
    req->res.content_length = body->json.len;
    req->res.headers.size = 0;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    conn_linger_after_close(conn);
    conn_write_started(conn);
}

/* ---- the engine of one server ---- */

enum status http1_server_init(struct http_server *server)
{
    h2o_hostconf_t *host;
    h2o_handler_t *handler;
    h2o_filter_t *filter;

    h2o_config_init(&server->conf);
    server->conf.server_name = h2o_iovec_init(NULL, 0);
    server->conf.max_request_entity_size = server->limits.body_max;
    server->conf.http1.req_timeout = ENGINE_TIMEOUT_MS;
    server->conf.http1.upgrade_to_http2 = 0; /* HTTP/2 is nghttp2's, both ways in are shut */
    host = h2o_config_register_host(&server->conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    /* On the fallback, which gets every path, even those that are none. */
    handler = h2o_create_handler(&host->fallback_path, sizeof(*handler));
    handler->on_req = on_h2o_request;
    filter = h2o_create_filter(&host->fallback_path, sizeof(*filter));
    filter->on_setup_ostream = error_filter;
    h2o_context_init(&server->ctx, loop_h2o(server->loop), &server->conf);
    server->accept.ctx = &server->ctx;
    server->accept.hosts = server->conf.hosts;
    return STATUS_OK;
}

void http1_server_release(struct http_server *server)
{
    h2o_multithread_queue_t *queue = server->ctx.queue;

    h2o_context_dispose(&server->ctx);
    free(queue); /* which libh2o forgets in its event loop build */
    h2o_config_dispose(&server->conf);
}
