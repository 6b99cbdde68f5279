/* What goes out over HTTP/2: answers and streams, copied into the output as the windows allow. */
#include "apiserver/transport/http2.h"

#include <stdlib.h>

static const struct http_stream_ops h2_stream_ops;

/* ---- life ---- */

static void drop_output(struct h2_stream *stream)
{
    frame_batch_release(&stream->batch);
    stream->body = blob_unref(stream->body);
    stream->sent = 0;
    list_remove(&stream->queued);
}

/* The handler hears of it, once, unless it has ended the stream itself. */
static void tell_gone(struct h2_stream *stream)
{
    const struct http_stream_handler *handler = stream->base.handler;

    stream->base.handler = NULL;
    if (handler == NULL)
        return;
    discount_own(&stream->h2->conn->server->counters.streams, 1);
    handler->on_gone(stream->base.user);
}

void h2_stream_gone(struct h2_stream *stream)
{
    struct http2 *h2 = stream->h2;

    loop_timer_stop(h2->conn->server->loop, &stream->timer);
    list_remove(&stream->link);
    drop_output(stream);
    if (stream->request != NULL) {
        if (!stream->request->dispatched)
            http2_drop_body(h2, stream->request->h2.body.len);
        stream->request->h2.stream = NULL;
        request_gone(stream->request);
    }
    tell_gone(stream);
    if (stream->pushed_by != 0)
        http2_push_gone(stream);
    free(stream->authority);
    free(stream);
}

void h2_stream_reset(struct h2_stream *stream, uint32_t error_code)
{
    drop_output(stream);
    (void)nghttp2_submit_rst_stream(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, error_code);
    http2_flush_soon(stream->h2);
}

/* ---- the client that does not read: its window is shut, or the socket is stuck ---- */

static bool has_output(const struct h2_stream *stream)
{
    return stream->batch.count > 0 || stream->body != NULL;
}

static void on_stall(struct loop_timer *timer)
{
    struct h2_stream *stream = container_of(timer, struct h2_stream, timer);
    struct http_server *server = stream->h2->conn->server;
    uint32_t still = (uint32_t)loop_now_ms(server->loop) - stream->moved_ms;

    if (!has_output(stream) && !(stream->tunnel && stream->ended))
        return; /* a tunnel that we have ended is ended by the client, too, or cut */
    if (still < server->limits.write_stall_ms) {
        loop_timer_start(server->loop, timer, server->limits.write_stall_ms - still);
        return;
    }
    h2_stream_reset(stream, NGHTTP2_CANCEL);
    tell_gone(stream);
}

void h2_stream_init_timer(struct h2_stream *stream)
{
    stream->timer.on_fire = on_stall;
}

/* As for a connection, the timer runs on its own: a write costs none. */
void h2_stream_output_started(struct h2_stream *stream)
{
    struct http_server *server = stream->h2->conn->server;

    stream->moved_ms = (uint32_t)loop_now_ms(server->loop);
    if (stream->timer.heap_at == 0)
        loop_timer_start(server->loop, &stream->timer, server->limits.write_stall_ms);
    if (stream->asleep) {
        stream->asleep = false;
        list_remove(&stream->queued);
        list_append(&stream->h2->awake, &stream->queued);
    }
    http2_flush_soon(stream->h2);
}

/* ---- what nghttp2 pulls ---- */

bool h2_stream_resume_next(struct http2 *h2)
{
    struct h2_stream *stream;

    if (list_empty(&h2->awake))
        return false;
    stream = list_entry(h2->awake.next, struct h2_stream, queued);
    list_remove(&stream->queued);
    stream->had_turn = false;
    (void)nghttp2_session_resume_data(h2->session, stream->id);
    return true;
}

/* One frame of DATA a turn, while others wait for theirs. */
static bool gives_way(struct h2_stream *stream)
{
    if (!stream->had_turn || list_empty(&stream->h2->awake) || !has_output(stream))
        return false;
    list_append(&stream->h2->awake, &stream->queued);
    return true;
}

static size_t copy_body(struct h2_stream *stream, uint8_t *to, size_t room, bool *ret_last)
{
    size_t rest = stream->body->len - stream->sent;
    size_t len = rest < room ? rest : room;

    memcpy(to, stream->body->data + stream->sent, len);
    stream->sent += len;
    *ret_last = len == rest;
    return len;
}

/* The next bytes of a part that begins `at` in its frame. */
static size_t copy_part(struct h2_stream *stream, struct bytes part, size_t at, uint8_t *to,
                        size_t room)
{
    struct bytes left = bytes_from(part, stream->sent < at ? part.len : stream->sent - at);
    size_t len = left.len < room ? left.len : room;

    if (len > 0)
        memcpy(to, left.ptr, len);
    stream->sent += len;
    return len;
}

static size_t copy_frames(struct h2_stream *stream, uint8_t *to, size_t room, bool *ret_last)
{
    struct frame_batch *batch = &stream->batch;
    size_t copied = 0;

    while (batch->at < batch->count && copied < room) {
        const struct frame *frame = frame_batch_next(batch);
        struct bytes head = stream->tunnel ? frame_head(frame) : bytes_of(NULL, 0);
        struct bytes rest = stream->tunnel ? frame_message(frame) : frame_payload(frame);

        copied += copy_part(stream, head, 0, to + copied, room - copied);
        copied += copy_part(stream, rest, head.len, to + copied, room - copied);
        if (stream->sent == head.len + rest.len) {
            batch->at++;
            stream->sent = 0;
        }
    }
    if (copied > 0 && batch->at == batch->count) {
        frame_batch_release(batch);
        if (!list_linked(&stream->queued))
            list_append(&stream->h2->handed_over, &stream->queued);
    }
    *ret_last = stream->ended && batch->count == 0;
    return copied;
}

/* A window that lets so little through is a client's choice, whose frames cost more than they carry
 * (CVE-2019-9511). */
enum { DRIBBLE = 64 };

static ssize_t on_pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                       uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *stream = source->ptr;
    bool last = false;
    size_t copied;

    (void)session;
    (void)id;
    (void)user;
    if (gives_way(stream))
        return NGHTTP2_ERR_DEFERRED;
    stream->had_turn = true;
    copied = stream->streaming      ? copy_frames(stream, to, room, &last)
             : stream->body != NULL ? copy_body(stream, to, room, &last)
                                    : 0;
    if (last)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (copied == 0) {
        stream->asleep = true;
        return NGHTTP2_ERR_DEFERRED;
    } else if (copied == room && room < DRIBBLE && !http2_charge(stream->h2, HTTP2_IDLE_FRAME_MS)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    stream->moved_ms = (uint32_t)loop_now_ms(stream->h2->conn->server->loop);
    return (ssize_t)copied;
}

void h2_stream_on_handed_over(struct h2_stream *stream)
{
    if (stream->base.handler == NULL || stream->batch.count > 0)
        return;
    stream->base.ready = true;
    stream->base.handler->on_ready(stream->base.user);
}

/* ---- heads ---- */

/* RFC 9113, 8.2.2: headers about the connection have no place here. */
static bool is_left_out(const struct http_header *header)
{
    static const char *const names[] = {"connection", "transfer-encoding", "keep-alive",
                                        "upgrade",    "content-length",    "date"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bytes_ieq(header->name, bytes_str(names[i])))
            return true;
    return !http_header_is_sendable(header);
}

/* nghttp2 copies, and lower-cases names. */
bool h2_stream_submit_head(struct h2_stream *stream, const struct http_response *response,
                           const size_t *length, bool has_body)
{
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = on_pull};
    nghttp2_nv *head = calloc(response->header_count + 3, sizeof(*head));
    char status[12], len[24];
    size_t count = 0;
    int failed;

    if (head == NULL)
        return false;
    snprintf(status, sizeof(status), "%d", response->status);
    head[count++] = http2_nv(BYTES(":status"), bytes_str(status));
    head[count++] = http2_nv(BYTES("date"), http_server_date(stream->h2->conn->server));
    if (length != NULL) {
        snprintf(len, sizeof(len), "%zu", *length);
        head[count++] = http2_nv(BYTES("content-length"), bytes_str(len));
    }
    for (size_t i = 0; i < response->header_count; i++)
        if (!is_left_out(&response->headers[i]))
            head[count++] = http2_nv(response->headers[i].name, response->headers[i].value);
    failed = nghttp2_submit_response(stream->h2->session, stream->id, head, count,
                                     has_body ? &provider : NULL);
    free(head);
    return failed == 0;
}

static struct h2_stream *take_stream(struct request *request)
{
    struct h2_stream *stream = request->h2.stream;

    stream->request = NULL;
    stream->sent = 0;
    h2_stream_init_timer(stream);
    return stream;
}

static void http2_reply(struct request *request, const struct http_response *response)
{
    struct h2_stream *stream = take_stream(request);
    size_t len = response->body != NULL ? response->body->len : 0;
    bool has_body = len > 0 && !request_is_head(request);
    bool has_length = response->status != 204 && response->status != 304;

    stream->ended = true;
    if (has_body)
        stream->body = blob_ref(response->body);
    if (h2_stream_submit_head(stream, response, has_length ? &len : NULL, has_body))
        h2_stream_output_started(stream);
    else
        h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    request_free(request);
}

static struct http_stream *http2_start_stream(struct request *request,
                                              const struct http_response *head,
                                              const struct http_stream_handler *handler, void *user)
{
    struct h2_stream *stream = take_stream(request);
    bool submitted;

    stream->streaming = true;
    stream->base = (struct http_stream){.ops = &h2_stream_ops};
    submitted = h2_stream_submit_head(stream, head, NULL, true);
    if (request->pub.can_push)
        stream->authority = bytes_dup(request->pub.authority);
    request_free(request); /* not before: the head may lie in its arena */
    if (!submitted) {
        h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
        return NULL;
    }
    stream->base.handler = handler;
    stream->base.user = user;
    count_own(&stream->h2->conn->server->counters.streams, 1);
    list_append(&stream->h2->handed_over, &stream->queued); /* ready behind the head */
    http2_flush_soon(stream->h2);
    return &stream->base;
}

/* ---- the other direction, of a tunnel ---- */

void h2_stream_on_bytes(struct h2_stream *stream, struct bytes bytes)
{
    const struct http_stream_handler *handler = stream->base.handler;

    if (stream->request != NULL) /* RFC 6455, 4.1: not before the handshake is answered */
        h2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR);
    else if (handler != NULL)
        handler->on_message(stream->base.user, bytes);
}

/* As a half-close in HTTP/1: the client has left, unless we have ended, too. */
void h2_stream_on_client_end(struct h2_stream *stream)
{
    if (stream->ended)
        return;
    h2_stream_reset(stream, NGHTTP2_CANCEL);
    tell_gone(stream);
}

const struct http_engine_ops http2_engine_ops = {.reply = http2_reply,
                                                 .start_stream = http2_start_stream};

/* ---- what the handler of a stream calls ---- */

static void h2_stream_write(struct http_stream *base, struct frame *const *frames, size_t count)
{
    struct h2_stream *stream = (struct h2_stream *)base;

    if (frame_batch_set(&stream->batch, frames, count)) {
        stream->sent = 0;
        h2_stream_output_started(stream);
    } else { /* on_gone() follows with nghttp2's on_stream_close(), not inside of this call */
        h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
}

static void h2_stream_end(struct http_stream *base)
{
    struct h2_stream *stream = (struct h2_stream *)base;

    discount_own(&stream->h2->conn->server->counters.streams, 1);
    stream->ended = true;
    h2_stream_output_started(stream);
}

static void h2_stream_abort(struct http_stream *base)
{
    struct h2_stream *stream = (struct h2_stream *)base;

    discount_own(&stream->h2->conn->server->counters.streams, 1);
    h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static const struct http_stream_ops h2_stream_ops = {.write = h2_stream_write,
                                                     .end = h2_stream_end,
                                                     .abort = h2_stream_abort,
                                                     .push = h2_stream_push};
