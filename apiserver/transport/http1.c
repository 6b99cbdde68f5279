/*
 * HTTP/1: requests come in and answers go out, one after the other, on a socket of libh2o's.
 *
 *   input --head whole--> http1_head_read() --body whole--> handler --reply--> head and slices
 *     ^                        |            --start_stream--> http1_stream.c          |
 *     |                        `--refusal--> a Status and a close                     |
 *     `--------- what is pipelined <---------------------- all has left --------------'
 *
 * While a request is being answered libh2o goes on to poll the socket, but does not read: what the
 * handler sees points into the input, which stays as it is. Only when something comes, be it the
 * next request or the end, the poll is stopped, too, until the answer has left. Mostly nothing
 * comes, and nothing is changed at the poller.
 */
#include "apiserver/transport/http1.h"

#include "apiserver/transport/http1_head.h"
#include "apiserver/transport/tls_conn.h"
#include "apiserver/transport/websocket.h"

enum {
    SLICE = 256 << 10,   /* of an answer in one write: so it can be seen to move */
    PROGRESS = 16 << 10, /* of a request body in first_byte_ms: slow, but honest */
};

static const struct http_engine_ops http1_engine_ops;

static void on_input(struct conn *conn);

/* ---- the end ---- */

/* The client has left its request. What the handler sees points into the socket's input, which is
 * kept for a handler that does not know. */
static void drop_request(struct conn *conn)
{
    struct request *request = conn->exchange.request;

    if (request == NULL)
        return;
    conn->exchange.request = NULL;
    if (!request->answered && request->pub.on_gone == NULL) {
        request->h1.input = conn->sock->input;
        h2o_buffer_init(&conn->sock->input, &h2o_socket_buffer_prototype);
    }
    request_gone(request);
}

static void http1_cut(struct conn *conn)
{
    if (!tls_is_closing(conn)) /* then this has been done */
        drop_request(conn);
    conn_close(conn);
}

/* Not here: the handler is up the stack, and would be told that its client has left. */
static void cut_later(struct conn *conn)
{
    conn->exchange.turn_cut = true;
    loop_defer(conn->server->loop, &conn->turn);
}

/* ---- requests ---- */

static void wait_for_request(struct conn *conn)
{
    const struct http_limits *limits = &conn->server->limits;

    conn_wait(conn, conn->sock->input->size == 0 ? limits->idle_ms : limits->first_byte_ms);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    if (conn->exchange.request != NULL)
        h2o_socket_read_stop(sock);
    else if (err != NULL)
        http1_cut(conn);
    else
        on_input(conn);
}

/* What is pipelined comes now; nothing was read meanwhile. */
static void next_request(struct conn *conn)
{
    conn->exchange = (struct http1_exchange){0};
    if (!h2o_socket_is_reading(conn->sock))
        h2o_socket_read_start(conn->sock, on_read);
    conn_let_go(conn, conn->sock->input->size);
    wait_for_request(conn);
    if (conn->sock->input->size > 0)
        on_input(conn);
    else if (conn->server->draining)
        http1_cut(conn);
}

void http1_start(struct conn *conn)
{
    conn->ops = &http1_conn_ops;
    h2o_socket_read_start(conn->sock, on_read);
    next_request(conn);
}

/* Hands it to the handler. It may be answered, or have become a stream, afterwards. */
static void handle(struct conn *conn, struct request *request)
{
    loop_timer_stop(conn->server->loop, &conn->wait);
    h2o_socket_dont_read(conn->sock, 1);
    conn->exchange.request = request;
    request_dispatch(request);
}

/* A request that is refused before it is one. */
static void refuse(struct conn *conn, int status, const char *why)
{
    struct request *request =
        h2o_socket_is_writing(conn->sock) ? NULL : request_new(conn, &http1_engine_ops);

    if (request == NULL) { /* or its 100 has not even left */
        http1_cut(conn);
        return;
    }
    request->h1.conn = conn;
    request->refusal = status;
    request->why = why;
    request->close = true;
    handle(conn, request);
}

/* The head that is in the input. NULL without memory. */
static struct request *read_head(struct conn *conn, struct http1_head *ret_head)
{
    struct request *request = request_new(conn, &http1_engine_ops);
    struct http_request *pub;

    if (request == NULL)
        return NULL;
    pub = &request->pub;
    request->refusal = http1_head_read(conn->sock->input->bytes, conn->exchange.scanned,
                                       &request->arena, ret_head);
    request->why = ret_head->why;
    request->close =
        request->refusal != 0 || request->arena.failed; /* where it ends is not known */
    request->h1.conn = conn;
    request->h1.keep_alive = ret_head->keep_alive;
    pub->method = ret_head->method;
    pub->target = ret_head->target;
    pub->authority = ret_head->authority;
    pub->headers = ret_head->headers;
    pub->header_count = ret_head->header_count;
    pub->version = ret_head->version;
    return request;
}

static void send_continue(struct conn *conn);

/* Takes what has come out of its chunks; whatever follows them comes next to the body. */
static int take_chunks(struct conn *conn)
{
    struct http1_exchange *exchange = &conn->exchange;
    h2o_buffer_t *input = conn->sock->input;
    char *body = input->bytes + exchange->scanned;
    size_t len = exchange->body_len;
    struct bytes rest = bytes_of(body + len, input->size - exchange->scanned - len);
    int status =
        http1_chunks_read(&exchange->chunks, &rest, body, &len, conn->server->limits.body_max);

    if (rest.len > 0)
        memmove(body + len, rest.ptr, rest.len);
    input->size = exchange->scanned + len + rest.len;
    exchange->body_len = (uint32_t)len;
    return status;
}

static bool is_whole(const struct conn *conn)
{
    const struct http1_exchange *exchange = &conn->exchange;

    return exchange->chunks.at == CHUNKS_NONE &&
           conn->sock->input->size - exchange->scanned >= exchange->body_len;
}

/* A request that is refused is answered as it stands; the others get their body. */
static void handle_whole(struct conn *conn, struct request *request)
{
    const struct http1_exchange *exchange = &conn->exchange;

    request->h1.len = (size_t)exchange->scanned + exchange->body_len;
    request->pub.body = bytes_of(conn->sock->input->bytes + exchange->scanned, exchange->body_len);
    websocket_read_handshake(request, bytes_of(NULL, 0));
    /* If it does not become one: nobody knows what follows. */
    request->close |= request->pub.websocket;
    handle(conn, request);
}

/* How the body comes: 0, or the status to refuse it with. */
static int begin_body(struct conn *conn, const struct http1_head *head)
{
    if (head->body_len > conn->server->limits.body_max)
        return 413;
    conn->exchange.body_len = (uint32_t)head->body_len;
    conn->exchange.chunks.at = head->chunked ? CHUNK_SIZE_BEGIN : CHUNKS_NONE;
    return 0;
}

/* The head is whole. Mostly all is, and has been read but once; a request whose body comes later is
 * read again then, for the input may have moved. */
static void on_head(struct conn *conn)
{
    struct http1_head head;
    struct request *request = read_head(conn, &head);
    const char *why = NULL;
    int status;

    if (request == NULL) {
        http1_cut(conn);
        return;
    }
    if (request->refusal != 0 || request->arena.failed) {
        handle(conn, request);
        return;
    }
    status = begin_body(conn, &head);
    if (status == 0 && head.chunked) {
        status = take_chunks(conn);
        why = "malformed chunked body";
    }
    if (status == 0 && is_whole(conn)) {
        handle_whole(conn, request);
        return;
    }
    request_free(request);
    if (status != 0)
        refuse(conn, status, why);
    else if (head.wants_continue)
        send_continue(conn);
}

static void on_body(struct conn *conn)
{
    int status = conn->exchange.chunks.at != CHUNKS_NONE ? take_chunks(conn) : 0;
    struct http1_head head;
    struct request *request;

    if (status != 0) {
        refuse(conn, status, "malformed chunked body");
        return;
    }
    if (!is_whole(conn) || h2o_socket_is_writing(conn->sock)) /* see on_continued() */
        return;
    request = read_head(conn, &head);
    if (request != NULL)
        handle_whole(conn, request);
    else
        http1_cut(conn);
}

static bool look_for_head(struct conn *conn)
{
    struct http1_exchange *exchange = &conn->exchange;
    h2o_buffer_t *input = conn->sock->input;

    if (!exchange->head_done)
        exchange->head_done =
            http1_head_is_complete(bytes_of(input->bytes, input->size), &exchange->scanned);
    return exchange->head_done;
}

static void on_input(struct conn *conn)
{
    struct http1_exchange *exchange = &conn->exchange;
    h2o_buffer_t *input = conn->sock->input;
    bool had_head = exchange->head_done, has_head = look_for_head(conn);

    if (conn->seen == 0 && input->size > 0)
        wait_for_request(conn);
    if (!conn_hold(conn, input->size))
        refuse(conn, 429, REFUSAL_BODIES);
    else if (had_head)
        on_body(conn);
    else if (exchange->scanned > conn->server->limits.head_max)
        refuse(conn, 431, NULL);
    else if (has_head)
        on_head(conn);
    else if (!http1_head_may_begin(bytes_of(input->bytes, input->size)))
        refuse(conn, 400, "malformed request line");
}

static void on_continued(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    conn_count_sent(conn);
    if (err != NULL)
        http1_cut(conn);
    else
        on_input(conn);
}

static void send_continue(struct conn *conn)
{
    h2o_iovec_t text = h2o_iovec_init(H2O_STRLIT("HTTP/1.1 100 Continue\r\n\r\n"));

    conn_write_started(conn);
    h2o_socket_write(conn->sock, &text, 1, on_continued);
}

/* ---- answers ---- */

bool http1_keeps_alive(const struct request *request)
{
    return request->h1.keep_alive && !request->close && !request->server->draining;
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

/* RFC 9112, section 9.3; RFC 9110, section 7.8. */
static const char *connection_line(const struct request *request, int status)
{
    if (status == 101)
        return "Connection: upgrade\r\n";
    if (!http1_keeps_alive(request))
        return "Connection: close\r\n";
    return request->pub.version == HTTP_1_0 ? "Connection: keep-alive\r\n" : "";
}

/* RFC 9112, section 6. RFC 9110, section 8.6: no length in a 204; a 304 would tell that of what it
 * does not send. */
static void write_framing(struct buf *out, const struct request *request,
                          const struct http_response *response, bool streams)
{
    if (streams) {
        if (request->pub.version == HTTP_1_1 && !request->pub.websocket)
            buf_append_bytes(out, BYTES("Transfer-Encoding: chunked\r\n"));
    } else if (response->status != 204 && response->status != 304) {
        buf_append_bytes(out, BYTES("Content-Length: "));
        buf_append_u64(out, response->body != NULL ? response->body->len : 0);
        buf_append_bytes(out, BYTES("\r\n"));
    }
}

static char *put(char *at, struct bytes text)
{
    if (text.len != 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

/* Returns the end of what it writes. */
static char *write_headers(char *at, const struct http_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *header = &response->headers[i];

        if (is_hop_header(header->name) || !http_header_is_sendable(header))
            continue;
        at = put(at, header->name);
        at = put(at, BYTES(": "));
        at = put(at, header->value);
        at = put(at, BYTES("\r\n"));
    }
    return put(at, BYTES("\r\n"));
}

enum { BEGIN_MAX = 256 }; /* of status line, Date, Connection and framing */

/* Room for all is made once, and is the arena's: `out` never grows. */
struct bytes http1_write_head(struct request *request, const struct http_response *response,
                              bool streams)
{
    struct buf out = {.capacity = BEGIN_MAX};
    char *end;

    for (size_t i = 0; i < response->header_count; i++)
        out.capacity += response->headers[i].name.len + response->headers[i].value.len + 4;
    out.data = arena_alloc(&request->arena, out.capacity);
    if (out.data == NULL)
        return bytes_of(NULL, 0);
    buf_append_bytes(&out, BYTES("HTTP/1.1 "));
    buf_append_u64(&out, (uint64_t)response->status);
    buf_append_char(&out, ' ');
    buf_append_str(&out, http_reason(response->status));
    buf_append_bytes(&out, BYTES("\r\nDate: "));
    buf_append_bytes(&out, http_server_date(request->server));
    buf_append_bytes(&out, BYTES("\r\n"));
    buf_append_str(&out, connection_line(request, response->status));
    write_framing(&out, request, response, streams);
    end = write_headers(out.data + out.len, response);
    return bytes_of(out.data, (size_t)(end - out.data));
}

/* All has left. */
static void end_exchange(struct conn *conn)
{
    struct request *request = conn->exchange.request;
    bool keeps_alive = http1_keeps_alive(request), refused = request->refusal != 0;

    h2o_buffer_consume(&conn->sock->input, request->h1.len);
    conn->exchange.request = NULL;
    request_free(request);
    h2o_socket_dont_read(conn->sock, 0);
    if (keeps_alive)
        next_request(conn);
    else if (refused || conn->sock->input->size > 0)
        conn_linger(conn);
    else
        conn_close(conn);
}

static void on_written(h2o_socket_t *sock, const char *err);

/* `head` and the next slice, each of which may be empty. */
static void send_more(struct request *request, struct bytes head)
{
    struct conn *conn = request->h1.conn;
    struct blob *answer = request->h1.answer;
    size_t rest = answer != NULL ? answer->len - request->h1.answer_at : 0;
    size_t len = rest < SLICE ? rest : SLICE, count = 0;
    h2o_iovec_t vec[2];

    if (head.len > 0)
        vec[count++] = h2o_iovec_init(head.ptr, head.len);
    if (len > 0)
        vec[count++] = h2o_iovec_init(answer->data + request->h1.answer_at, len);
    request->h1.answer_at += len;
    conn_write_started(conn);
    h2o_socket_write(conn->sock, vec, count, on_written);
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;
    struct request *request = conn->exchange.request;

    conn_count_sent(conn);
    if (err != NULL)
        http1_cut(conn);
    else if (request->h1.answer != NULL && request->h1.answer_at < request->h1.answer->len)
        send_more(request, bytes_of(NULL, 0));
    else
        end_exchange(conn);
}

static void http1_reply(struct request *request, const struct http_response *response)
{
    struct bytes head = http1_write_head(request, response, false);

    if (head.len == 0) {
        cut_later(request->h1.conn);
        return;
    }
    if (response->body != NULL && response->body->len > 0 && !request_is_head(request))
        request->h1.answer = blob_ref(response->body);
    send_more(request, head);
}

static const struct http_engine_ops http1_engine_ops = {.reply = http1_reply,
                                                        .start_stream = http1_start_stream};

/* ---- the connection meanwhile ---- */

static void http1_on_wait(struct conn *conn)
{
    if (conn->seen > 0 && conn->sock->input->size >= conn->seen + (size_t)PROGRESS)
        conn_wait(conn, conn->server->limits.first_byte_ms);
    else
        http1_cut(conn);
}

static void http1_drain(struct conn *conn)
{
    if (conn->exchange.request == NULL && conn->sock->input->size == 0)
        http1_cut(conn);
}

static void http1_on_turn_end(struct conn *conn)
{
    if (conn->exchange.turn_cut)
        http1_cut(conn);
}

/* Whoever closed has dropped the request. */
static void http1_on_closed(struct conn *conn)
{
    assert(conn->exchange.request == NULL);
}

const struct conn_ops http1_conn_ops = {.cut = http1_cut,
                                        .on_closed = http1_on_closed,
                                        .on_wait = http1_on_wait,
                                        .on_turn_end = http1_on_turn_end,
                                        .drain = http1_drain};
