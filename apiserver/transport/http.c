#include "apiserver/transport/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "apiserver/transport/tls_conn.h"
#include "apiserver/transport/websocket.h"
#include "base/clock.h"

/* 3 MiB is kube-apiserver's own limit. A head is copied and scanned before anybody has logged in,
 * so it may be far smaller than Go's 1 MiB: 64 KiB is eight times what proxies let through. */
const struct http_limits http_limits_default = {
    .body_max = 3u << 20,
    .buffered_max = 512u << 20,
    .head_max = 64u << 10,
    .first_byte_ms = 10000,
    .idle_ms = 90000,
    .write_stall_ms = 30000,
    .user_timeout_ms = 30000,
    .h2_streams_max = 250,
    .h2_pushes_max = 32,
    .ping_ms = 10000,
    .pong_ms = 20000,
};

struct bytes http_peer_address(struct bytes peer)
{
    const char *colon = memrchr(peer.ptr, ':', peer.len);

    return colon != NULL ? bytes_of(peer.ptr, (size_t)(colon - peer.ptr)) : peer;
}

struct bytes http_header(const struct http_request *req, const char *name)
{
    struct bytes wanted = bytes_str(name);

    for (size_t i = 0; i < req->header_count; i++)
        if (bytes_eq(req->headers[i].name, wanted))
            return req->headers[i].value;
    return bytes_of(NULL, 0);
}

static bool is_sendable_name(struct bytes name)
{
    if (bytes_are_plain(name, ' ' + 1, ':'))
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] == ':' || name.ptr[i] == 0x7f)
            return false;
    return name.len != 0;
}

bool http_value_is_sendable(struct bytes value)
{
    if (bytes_are_plain(value, ' ', 0x7f))
        return true;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool http_header_is_sendable(const struct http_header *header)
{
    return is_sendable_name(header->name) && http_value_is_sendable(header->value);
}

void http_reply(struct http_request *req, const struct http_response *response)
{
    struct request *request = (struct request *)req;

    assert(!request->answered);
    if (request->gone) {
        request_free(request);
        return;
    }
    request->answered = true;
    req->ops->reply(request, response);
}

struct http_stream *http_start_stream(struct http_request *req, const struct http_response *head,
                                      const struct http_stream_handler *handler, void *user)
{
    struct request *request = (struct request *)req;

    assert(!request->answered);
    if (request->gone) {
        request_free(request);
        return NULL;
    }
    request->answered = true;
    if (req->websocket)
        return websocket_start(request, head, handler, user);
    return req->ops->start_stream(request, head, handler, user);
}

bool http_stream_ready(const struct http_stream *stream)
{
    return stream->ready;
}

void http_stream_write(struct http_stream *stream, struct frame *const *frames, size_t count)
{
    assert(stream->ready && count > 0 && count <= HTTP_STREAM_WRITE_MAX);
    stream->ready = false;
    stream->ops->write(stream, frames, count);
}

void http_stream_write_now(struct http_stream *stream, struct frame *const *frames, size_t count)
{
    assert(stream->ready && count > 0 && count <= HTTP_STREAM_WRITE_MAX);
    stream->ready = false;
    if (stream->ops->write_now != NULL)
        stream->ops->write_now(stream, frames, count);
    else
        stream->ops->write(stream, frames, count);
}

enum status http_stream_push(struct http_stream *stream, struct bytes path,
                             const struct http_response *response)
{
    return stream->ops->push(stream, path, response);
}

void http_stream_end(struct http_stream *stream)
{
    stream->handler = NULL;
    stream->ops->end(stream);
}

void http_stream_abort(struct http_stream *stream)
{
    stream->handler = NULL;
    stream->ops->abort(stream);
}

/* ---- requests ---- */

struct request *request_new(struct conn *conn, const struct http_engine_ops *ops)
{
    struct request *request = malloc(sizeof(*request));
    char peer[PEER_TEXT_MAX];

    if (request == NULL)
        return NULL;
    *request = (struct request){
        .server = conn->server,
        .pub = {.loop = conn->server->loop, .arena = &request->arena, .ops = ops},
    };
    request->pub.peer = arena_dup(&request->arena, peer_text(&conn->peer, peer));
    request->pub.started_us = clock_monotonic_us();
    request->pub.certificate = tls_certificate(conn);
    return request;
}

/* Answers with a Kubernetes Status. */
static void refuse(struct request *request, int status, const char *why)
{
    static const struct http_header headers[] = {
        {BYTES_INIT("retry-after"), BYTES_INIT("1")}, /* with 429 */
        {BYTES_INIT("content-type"), BYTES_INIT("application/json")},
        {BYTES_INIT("sec-websocket-version"), BYTES_INIT("13")}, /* with 426 */
        {BYTES_INIT("upgrade"), BYTES_INIT("websocket")},
    };
    struct http_response response = {.status = status,
                                     .headers = headers + (status == 429 ? 0 : 1),
                                     .header_count = status == 426   ? 3
                                                     : status == 429 ? 2
                                                                     : 1};

    response.body = refusal_body(request->server, status, why);
    http_reply(&request->pub, &response);
    blob_unref(response.body);
}

void request_dispatch(struct request *request)
{
    struct http_server *server = request->server;

    count_own(&server->counters.requests_total, 1);
    request->dispatched = true;
    if (request->refusal != 0) {
        refuse(request, request->refusal, request->why);
    } else if (server->draining) {
        request->close = true;
        refuse(request, 503, "the server is shutting down");
    } else if (bytes_eq_str(request->pub.method, "CONNECT")) {
        refuse(request, 405, "this server is not a proxy");
    } else if (request->arena.failed) {
        refuse(request, 500, "out of memory");
    } else {
        server->on_request(server->user, &request->pub);
    }
}

void request_gone(struct request *request)
{
    bool handler_has_it = request->dispatched && !request->answered;

    if (handler_has_it && request->pub.on_gone == NULL) {
        request->gone = true;
        request->pub.certificate = NULL; /* the connection's */
        return;
    }
    if (handler_has_it)
        request->pub.on_gone(&request->pub);
    request_free(request);
}

void request_free(struct request *request)
{
    if (request->pub.version == HTTP_2) {
        buf_release(&request->h2.body);
        free(request->h2.headers);
    } else {
        blob_unref(request->h1.answer);
        if (request->h1.input != NULL)
            h2o_buffer_dispose(&request->h1.input);
    }
    arena_release(&request->arena);
    free(request);
}
