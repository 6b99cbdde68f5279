/*
 * HTTP/2: one nghttp2 session on one of h2o's sockets.
 *
 *   socket --on_read--> nghttp2 --callbacks--> http2_request.c --> handler
 *       <--flush, at the end of a turn-- nghttp2 <--submit-- http2_stream.c <--
 */
#include "apiserver/transport/http2.h"

#include "apiserver/transport/tls_conn.h"

#include <stdlib.h>

enum {
    OUT_MAX = 128 << 10, /* bytes handed to the socket at once */
    SPARE_MAX = 256 << 10,
    OUTBOUND_MAX = 200, /* answers to frames that wait: beyond that we do not read */
};

static struct http2 *http2_of(h2o_socket_t *sock)
{
    return ((struct conn *)sock->data)->h2;
}

bool http2_charge(struct http2 *h2, uint32_t ms)
{
    uint64_t now = loop_now_ms(h2->conn->server->loop);

    if (h2->debt_ms < now)
        h2->debt_ms = now;
    if (h2->debt_ms - now >= HTTP2_BUDGET_MS)
        return false;
    h2->debt_ms += ms;
    return true;
}

/* ---- out ---- */

void http2_flush_soon(struct http2 *h2)
{
    loop_defer(h2->conn->server->loop, &h2->conn->turn);
}

/* An idle connection keeps no output buffer; the server keeps one for whoever is next. */
static void give_buffer_back(struct http2 *h2)
{
    struct buf *spare = &h2->conn->server->spare;

    h2->out.len = 0;
    if (spare->data == NULL && h2->out.capacity <= SPARE_MAX && !h2->out.failed) {
        *spare = h2->out;
        h2->out = (struct buf){0};
    } else {
        buf_release(&h2->out);
    }
}

static void take_buffer(struct http2 *h2)
{
    h2->out = h2->conn->server->spare;
    h2->conn->server->spare = (struct buf){0};
}

/* Streams are resumed one by one, in turn: nghttp2's tree of priorities, which RFC 9113, 5.3.1 has
 * given up, costs a fifth of a delivery when a hundred stand in it, and nothing with one. */
static bool fill(struct http2 *h2)
{
    const uint8_t *data;
    ssize_t len = 0;

    h2->in_session = true;
    do {
        while (h2->out.len < OUT_MAX && (len = nghttp2_session_mem_send(h2->session, &data)) > 0)
            buf_append(&h2->out, data, (size_t)len);
    } while (len == 0 && h2_stream_resume_next(h2));
    h2->in_session = false;
    return len >= 0 && !h2->out.failed;
}

/* Nothing is added to the list meanwhile: that happens in nghttp2's callbacks only. */
static void deliver_handed_over(struct http2 *h2)
{
    while (!list_empty(&h2->handed_over)) {
        struct h2_stream *stream = list_entry(h2->handed_over.next, struct h2_stream, queued);

        list_remove(&stream->queued);
        h2_stream_on_handed_over(stream);
    }
}

static void on_written(h2o_socket_t *sock, const char *err);
static void http2_release(struct http2 *h2);

/* Everything is said. */
static void end(struct conn *conn)
{
    http2_release(conn->h2);
    conn->h2 = NULL;
    conn_linger(conn);
}

static void send_out(struct http2 *h2)
{
    struct conn *conn = h2->conn;
    size_t sent = conn_send_now(conn, buf_bytes(&h2->out));
    h2o_iovec_t rest = h2o_iovec_init(h2->out.data + sent, h2->out.len - sent);

    if (rest.len == 0) {
        on_written(conn->sock, NULL);
        return;
    }
    conn_write_started(conn);
    h2o_socket_write(conn->sock, &rest, 1, on_written);
    if (conn->ssl != NULL) /* it is encrypted within the write */
        give_buffer_back(h2);
}

static void flush(struct http2 *h2)
{
    struct conn *conn = h2->conn;

    if (h2o_socket_is_writing(conn->sock))
        return;
    take_buffer(h2);
    if (!fill(h2)) {
        conn_close(conn);
        return;
    }
    if (h2->out.len > 0) {
        send_out(h2);
        return;
    }
    give_buffer_back(h2);
    deliver_handed_over(h2);
    if (h2->ending ||
        (!nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session)))
        end(conn);
}

static void on_read(h2o_socket_t *sock, const char *err);

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct http2 *h2 = http2_of(sock);

    conn_count_sent(h2->conn);
    if (err != NULL) {
        conn_close(h2->conn);
        return;
    }
    give_buffer_back(h2);
    deliver_handed_over(h2);
    if (h2->paused && !h2->ending) {
        h2->paused = false;
        h2o_socket_read_start(sock, on_read);
    }
    http2_flush_soon(h2);
}

static void http2_on_turn_end(struct conn *conn)
{
    struct http2 *h2 = conn->h2;

    flush(h2);
    if (conn->ops != &http2_conn_ops || conn->sock == NULL)
        return;
    if (!list_empty(&h2->streams))
        loop_timer_stop(conn->server->loop, &conn->wait);
    else if (conn->wait.heap_at == 0)
        conn_wait(conn, conn->server->limits.idle_ms);
}

/* ---- in ---- */

/* No more is read; the client is told why, and the connection ends. */
static void give_up(struct http2 *h2, ssize_t error)
{
    h2->ending = true;
    h2o_socket_read_stop(h2->conn->sock);
    (void)nghttp2_session_terminate_session(h2->session, error == NGHTTP2_ERR_BAD_CLIENT_MAGIC
                                                             ? NGHTTP2_PROTOCOL_ERROR
                                                             : NGHTTP2_ENHANCE_YOUR_CALM);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct http2 *h2 = http2_of(sock);
    ssize_t read;

    if (err != NULL || tls_peer_is_gone(h2->conn)) {
        conn_close(h2->conn);
        return;
    }
    h2->in_session = true;
    read = nghttp2_session_mem_recv(h2->session, (const uint8_t *)sock->input->bytes,
                                    sock->input->size);
    h2->in_session = false;
    h2o_buffer_consume(&sock->input, sock->input->size); /* all of it: the buffer is given back */
    if (read < 0) {
        give_up(h2, read);
    } else if (h2o_socket_is_writing(sock) &&
               nghttp2_session_get_outbound_queue_size(h2->session) > OUTBOUND_MAX) {
        h2->paused = true; /* it sends and does not read */
        h2o_socket_read_stop(sock);
    }
    http2_flush_soon(h2);
}

/* ---- the peer that has vanished ---- */

static void start_ping_timer(struct http2 *h2)
{
    struct http_server *server = h2->conn->server;

    if (server->limits.ping_ms > 0)
        loop_timer_start(server->loop, &h2->ping, server->limits.ping_ms);
}

/* A connection without streams needs no pings: it ends when it has been idle for long enough. */
static void on_ping_time(struct loop_timer *timer)
{
    struct http2 *h2 = container_of(timer, struct http2, ping);
    uint64_t now = loop_now_ms(h2->conn->server->loop);

    if (h2->pinged_ms != 0 && now - h2->pinged_ms >= h2->conn->server->limits.pong_ms) {
        conn_close(h2->conn);
        return;
    }
    if (h2->pinged_ms == 0 && !list_empty(&h2->streams) &&
        nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) == 0) {
        h2->pinged_ms = now;
        http2_flush_soon(h2);
    }
    start_ping_timer(h2);
}

/* ---- life ---- */

void http2_start(struct conn *conn)
{
    struct http2 *h2 = calloc(1, sizeof(*h2));
    const struct http_limits *limits = &conn->server->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->h2_streams_max},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->head_max},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    };

    if (h2 == NULL || nghttp2_session_server_new2(&h2->session, conn->server->h2_callbacks, h2,
                                                  conn->server->h2_options) != 0) {
        free(h2);
        conn_close(conn);
        return;
    }
    h2->conn = conn;
    h2->ping.on_fire = on_ping_time;
    list_init(&h2->streams);
    list_init(&h2->awake);
    list_init(&h2->handed_over);
    conn->h2 = h2;
    conn->ops = &http2_conn_ops;
    conn_wait(conn, limits->idle_ms);
    start_ping_timer(h2);
    (void)nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    h2o_socket_read_start(conn->sock, on_read);
    on_read(conn->sock, NULL);
}

static void http2_release(struct http2 *h2)
{
    loop_timer_stop(h2->conn->server->loop, &h2->ping);
    /* nghttp2_session_del() forgets its streams without a word. */
    while (!list_empty(&h2->streams))
        h2_stream_gone(list_entry(h2->streams.next, struct h2_stream, link));
    nghttp2_session_del(h2->session);
    buf_release(&h2->out);
    free(h2);
}

static void http2_on_closed(struct conn *conn)
{
    assert(!conn->h2->in_session);
    http2_release(conn->h2);
    conn->h2 = NULL;
}

static void http2_drain(struct conn *conn)
{
    struct http2 *h2 = conn->h2;

    if (h2->goaway_sent)
        return;
    h2->goaway_sent = true;
    /* Streams that are open go on; a client repeats the newer ones elsewhere (RFC 9113, 6.8). */
    (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(h2->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
    http2_flush_soon(h2);
}

/* Idle for too long: says good-bye, and ends as soon as that has left. */
static void http2_on_wait(struct conn *conn)
{
    if (!list_empty(&conn->h2->streams))
        return;
    conn->h2->ending = true;
    http2_drain(conn);
    http2_flush_soon(conn->h2);
}

const struct conn_ops http2_conn_ops = {.cut = conn_close,
                                        .on_closed = http2_on_closed,
                                        .on_wait = http2_on_wait,
                                        .on_turn_end = http2_on_turn_end,
                                        .drain = http2_drain};

enum status http2_server_init(struct http_server *server)
{
    if (nghttp2_session_callbacks_new(&server->h2_callbacks) != 0 ||
        nghttp2_option_new(&server->h2_options) != 0)
        return STATUS_NO_MEMORY;
    http2_set_request_callbacks(server->h2_callbacks);
    http2_set_push_callbacks(server->h2_callbacks);
    nghttp2_option_set_no_closed_streams(server->h2_options, 1);
    nghttp2_option_set_max_outbound_ack(server->h2_options, 100);
    nghttp2_option_set_max_continuations(server->h2_options, 4);
    nghttp2_option_set_stream_reset_rate_limit(server->h2_options, 200, 33);
    return STATUS_OK;
}

void http2_server_release(struct http_server *server)
{
    nghttp2_session_callbacks_del(server->h2_callbacks);
    nghttp2_option_del(server->h2_options);
}
