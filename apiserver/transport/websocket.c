#include "apiserver/transport/websocket.h"

#include <stdlib.h>

#include "apiserver/transport/websocket_reader.h"

enum { CLOSE_WAIT_MS = 2000 }; /* for the peer's close, behind ours */

struct websocket {
    struct http_stream base;   /* the handler's; its handler is NULL once it has ended, or knows */
    struct http_stream *below; /* the engine's */
    struct http_server *server;
    struct websocket_reader reader;
    struct loop_timer timer; /* the next ping; then for the peer's close */
    uint64_t pinged_ms;      /* 0: no pong is awaited */
    struct frame *pong;      /* to be written: of the last ping only, as RFC 6455, 5.5.3 allows */
    bool ping_due;
    bool reading;        /* the reader is up the stack */
    bool aborted;        /* meanwhile */
    uint16_t close_code; /* 0: OPEN */
    bool close_written, peer_closed;
};

static const struct http_stream_ops websocket_ops;

static void websocket_free(struct websocket *ws)
{
    loop_timer_stop(ws->server->loop, &ws->timer);
    websocket_reader_release(&ws->reader);
    frame_unref(ws->pong);
    free(ws);
}

static void tell_gone(struct websocket *ws)
{
    const struct http_stream_handler *handler = ws->base.handler;

    ws->base.handler = NULL;
    if (handler != NULL)
        handler->on_gone(ws->base.user);
}

static void end_below(struct websocket *ws)
{
    http_stream_end(ws->below);
    websocket_free(ws);
}

static void abort_below(struct websocket *ws)
{
    http_stream_abort(ws->below);
    websocket_free(ws);
}

/* ---- what WebSockets say to each other ---- */

static struct frame *new_ping(struct websocket *ws)
{
    ws->pinged_ms = loop_now_ms(ws->server->loop);
    ws->ping_due = false;
    return frame_new_control(FRAME_PING, BYTES("tidewatch"));
}

static struct frame *new_close(struct websocket *ws)
{
    const char code[] = {(char)(ws->close_code >> 8), (char)ws->close_code};
    bool has_code = ws->close_code != WEBSOCKET_CLOSE_NO_CODE;

    ws->close_written = true;
    return frame_new_control(FRAME_CLOSE, bytes_of(code, has_code ? sizeof(code) : 0));
}

/* Behind the close frame nothing more is written. */
static void on_close_written(struct websocket *ws)
{
    if (ws->peer_closed)
        end_below(ws);
    else
        loop_timer_start(ws->server->loop, &ws->timer, CLOSE_WAIT_MS);
}

/* Writes what is due, if the stream below can take it. The WebSocket may be gone afterwards. */
static void write_control(struct websocket *ws)
{
    struct frame *frames[3];
    size_t count = 0;
    bool failed = false;

    if (ws->reading || ws->close_written || !http_stream_ready(ws->below))
        return;
    if (ws->pong != NULL)
        frames[count++] = ws->pong;
    ws->pong = NULL;
    if (ws->ping_due)
        frames[count++] = new_ping(ws);
    if (ws->close_code != 0)
        frames[count++] = new_close(ws);
    for (size_t i = 0; i < count; i++)
        failed = failed || frames[i] == NULL;
    if (count > 0 && !failed) {
        ws->base.ready = false;
        http_stream_write(ws->below, frames, count);
    }
    for (size_t i = 0; i < count; i++)
        frame_unref(frames[i]);
    if (failed) {
        tell_gone(ws);
        abort_below(ws);
    } else if (ws->close_written) {
        on_close_written(ws);
    }
}

/* ---- from the client ---- */

static void on_message(void *user, struct bytes message)
{
    struct websocket *ws = user;
    const struct http_stream_handler *handler = ws->base.handler;

    if (handler != NULL && handler->on_message != NULL)
        handler->on_message(ws->base.user, message);
}

static void on_ping(void *user, struct bytes payload)
{
    struct websocket *ws = user;

    frame_unref(ws->pong);
    ws->pong = frame_new_control(FRAME_PONG, payload);
}

static void on_pong(void *user, struct bytes payload)
{
    struct websocket *ws = user;

    (void)payload;
    ws->pinged_ms = 0;
}

static const struct websocket_reader_ops reader_ops = {on_message, on_ping, on_pong};

/* The client has closed, or has to be closed. */
static void on_peer_closed(struct websocket *ws, uint16_t code)
{
    ws->peer_closed = true;
    if (ws->close_code == 0)
        ws->close_code = code;
    loop_timer_stop(ws->server->loop, &ws->timer);
    tell_gone(ws);
    if (ws->close_written)
        end_below(ws);
    else
        write_control(ws);
}

static void on_bytes(void *user, struct bytes bytes)
{
    struct websocket *ws = user;
    uint16_t code;

    if (ws->peer_closed)
        return;
    ws->reading = true;
    code = websocket_read(&ws->reader, bytes);
    ws->reading = false;
    if (ws->aborted)
        abort_below(ws);
    else if (code != 0)
        on_peer_closed(ws, code);
    else
        write_control(ws);
}

/* ---- from below ---- */

static void on_ready(void *user)
{
    struct websocket *ws = user;

    if (ws->pong != NULL || ws->ping_due || ws->close_code != 0) {
        write_control(ws);
    } else {
        ws->base.ready = true;
        ws->base.handler->on_ready(ws->base.user);
    }
}

static void on_gone(void *user)
{
    struct websocket *ws = user;

    tell_gone(ws);
    websocket_free(ws);
}

static void start_ping_timer(struct websocket *ws)
{
    if (ws->server->limits.ping_ms > 0)
        loop_timer_start(ws->server->loop, &ws->timer, ws->server->limits.ping_ms);
}

/* While a ping waits for its pong no other is sent. */
static void on_timer(struct loop_timer *timer)
{
    struct websocket *ws = container_of(timer, struct websocket, timer);
    uint64_t now = loop_now_ms(ws->server->loop);

    if (ws->close_written) {
        end_below(ws);
    } else if (ws->pinged_ms != 0 && now - ws->pinged_ms >= ws->server->limits.pong_ms) {
        tell_gone(ws);
        abort_below(ws);
    } else {
        ws->ping_due = ws->pinged_ms == 0;
        start_ping_timer(ws);
        write_control(ws);
    }
}

/* ---- from the handler ---- */

static void websocket_write(struct http_stream *base, struct frame *const *frames, size_t count)
{
    http_stream_write(((struct websocket *)base)->below, frames, count);
}

static void websocket_end(struct http_stream *base)
{
    struct websocket *ws = (struct websocket *)base;

    ws->close_code = ws->server->draining ? WEBSOCKET_CLOSE_GOING_AWAY : WEBSOCKET_CLOSE_NORMAL;
    loop_timer_stop(ws->server->loop, &ws->timer);
    write_control(ws);
}

static void websocket_abort(struct http_stream *base)
{
    struct websocket *ws = (struct websocket *)base;

    if (ws->reading)
        ws->aborted = true;
    else
        abort_below(ws);
}

static const struct http_stream_ops websocket_ops = {
    .write = websocket_write, .end = websocket_end, .abort = websocket_abort};

/* ---- its start ---- */

enum { HANDSHAKE_HEADERS = 3 };

/* The answer to the handshake; false without memory. */
static bool make_head(struct request *request, const struct http_response *given,
                      struct http_response *ret_head)
{
    struct http_request *pub = &request->pub;
    struct http_header *headers =
        arena_alloc(&request->arena, (given->header_count + HANDSHAKE_HEADERS) * sizeof(*headers));
    size_t count = given->header_count;

    if (headers == NULL)
        return false;
    if (count > 0)
        memcpy(headers, given->headers, count * sizeof(*headers));
    if (pub->version != HTTP_2) {
        struct bytes key = http_header(pub, "sec-websocket-key");

        headers[count++] = (struct http_header){BYTES("upgrade"), BYTES("websocket")};
        headers[count++] = (struct http_header){BYTES("sec-websocket-accept"),
                                                websocket_accept_key(&request->arena, key)};
    }
    if (pub->subprotocol.len > 0)
        headers[count++] = (struct http_header){BYTES("sec-websocket-protocol"), pub->subprotocol};
    ret_head->status = pub->version == HTTP_2 ? 200 : 101;
    ret_head->headers = headers;
    ret_head->header_count = count;
    ret_head->body = NULL;
    return !request->arena.failed;
}

struct http_stream *websocket_start(struct request *request, const struct http_response *head,
                                    const struct http_stream_handler *handler, void *user)
{
    static const struct http_stream_handler from_below = {on_ready, on_gone, on_bytes};
    struct websocket *ws = calloc(1, sizeof(*ws));
    struct http_response answer;

    if (ws == NULL || !make_head(request, head, &answer)) {
        free(ws);
        request->pub.ops->reply(request, &(struct http_response){.status = 500});
        return NULL;
    }
    ws->base = (struct http_stream){.ops = &websocket_ops, .handler = handler, .user = user};
    ws->server = request->server;
    ws->reader.ops = &reader_ops;
    ws->reader.user = ws;
    ws->timer.on_fire = on_timer;
    ws->below = request->pub.ops->start_stream(request, &answer, &from_below, ws);
    if (ws->below == NULL) {
        free(ws);
        return NULL;
    }
    start_ping_timer(ws);
    return &ws->base;
}
