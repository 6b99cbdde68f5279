#include "client-go-like/watch/stream.h"

#include "base/clock.h"
#include "client-go-like/object.h"
#include "codec/protobuf.h"

enum { PING_MS = 10 * 1000, PINGS_IN_IDLE = 3 };

static const struct {
    struct bytes name;
    tw_event_type type;
} event_types[] = {
    {BYTES_INIT("ADDED"), TW_EVENT_ADDED},     {BYTES_INIT("MODIFIED"), TW_EVENT_MODIFIED},
    {BYTES_INIT("DELETED"), TW_EVENT_DELETED}, {BYTES_INIT("BOOKMARK"), TW_EVENT_BOOKMARK},
    {BYTES_INIT("ERROR"), TW_EVENT_ERROR},
};

const char *tw_event_type_name(tw_event_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(event_types); i++)
        if (event_types[i].type == type)
            return event_types[i].name.ptr;
    return "";
}

void tw_event_release(tw_event *event)
{
    tw_object_unref(event->object);
    event->object = NULL;
}

tw_status stream_decode(struct bytes frame, bool is_protobuf, bool strip, struct arena *scratch,
                        tw_event *ret_event, tw_error **reterr)
{
    struct json *root = NULL;
    tw_event event = {0};
    struct bytes type;
    tw_status st;

    arena_reset(scratch);
    st = is_protobuf ? object_parse_event_protobuf(scratch, frame, &root, reterr)
                     : object_parse_event(scratch, frame, &root, reterr);
    if (st == TW_OK)
        st = object_from_tree(frame, json_get(root, BYTES("object")), strip, &event.object, reterr);
    if (st != TW_OK)
        return st;
    type = json_get_text(root, "type");
    for (size_t i = 0; i < ARRAY_LEN(event_types); i++) {
        if (!bytes_eq(type, event_types[i].name))
            continue;
        event.type = event_types[i].type;
        *ret_event = event;
        return TW_OK;
    }
    tw_event_release(&event);
    return tw_fail(reterr, TW_ERR_PROTOCOL, "unknown watch event type \"%.*s\"", BYTES_FMT(type));
}

void stream_begin(struct stream *s, struct http *http)
{
    *s = (struct stream){.http = http};
    s->is_websocket = http_code(http) == 101;
    s->is_protobuf =
        bytes_starts_with(bytes_str(http_content_type(http)), BYTES(PROTOBUF_MEDIA_TYPE));
    framer_init(&s->framer, s->is_protobuf ? FRAMER_LENGTH : FRAMER_LINES, STREAM_FRAME_MAX);
}

/* A WebSocket is pinged often enough that pongs alone keep it from being called silent. */
static unsigned ping_ms_of(const struct http_request *request)
{
    unsigned idle_ms = request->bounds.idle_ms;

    return idle_ms != 0 && idle_ms / PINGS_IN_IDLE < PING_MS ? idle_ms / PINGS_IN_IDLE + 1
                                                             : PING_MS;
}

tw_status stream_open(struct stream *s, tw_client *client, struct http *http,
                      struct http_request *request, tw_error **reterr)
{
    tw_status st;

    *s = (struct stream){.http = http};
    st = client_open(client, http, request, reterr);
    if (st != TW_OK)
        return st;
    stream_begin(s, http);
    if (s->is_websocket)
        st = websocket_open(&s->websocket, http, STREAM_FRAME_MAX, ping_ms_of(request), reterr);
    return st;
}

void stream_close(struct stream *s)
{
    if (s->http == NULL)
        return;
    if (s->is_websocket && s->ended == TW_OK && !s->closed)
        websocket_leave(&s->websocket);
    websocket_release(&s->websocket);
    http_finish(s->http);
    framer_release(&s->framer);
    arena_release(&s->scratch);
    tw_error_free(s->end_error);
    *s = (struct stream){.http = NULL};
}

/* ---- frames; TW_ERR_TIMEOUT, *reterr NULL: more bytes are needed ---- */

static tw_status next_framed(struct stream *s, struct bytes *ret_frame, tw_error **reterr)
{
    struct buf *body = http_body(s->http);
    enum status st;

    if (body->len != 0) {
        framer_push(&s->framer, buf_bytes(body));
        buf_consume(body, body->len);
    }
    st = framer_next(&s->framer, ret_frame);
    if (st == STATUS_OK)
        return TW_OK;
    if (st == STATUS_END)
        return TW_ERR_TIMEOUT;
    if (st == STATUS_NO_MEMORY)
        return tw_fail_no_memory(reterr);
    if (st == STATUS_TOO_LARGE)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "a watch event is larger than %zu bytes",
                       STREAM_FRAME_MAX);
    return tw_fail(reterr, TW_ERR_PROTOCOL, "the watch sent something that is no JSON");
}

static tw_status next_frame(struct stream *s, struct bytes *ret_frame, tw_error **reterr)
{
    tw_status st;

    if (!s->is_websocket)
        return next_framed(s, ret_frame, reterr);
    if (s->closed)
        return TW_END;
    st = websocket_next(&s->websocket, ret_frame, &s->is_protobuf, reterr);
    s->closed = st == TW_END;
    return st;
}

/* All complete events are out: says how the stream ended. */
static tw_status report_end(struct stream *s, tw_error **reterr)
{
    if (s->ended == TW_END && (s->is_websocket || !framer_is_empty(&s->framer)))
        return tw_fail(reterr, TW_ERR_BROKEN, "the watch ended %s",
                       s->is_websocket ? "without a close" : "in the middle of an event");
    if (reterr != NULL) {
        tw_error_free(*reterr);
        *reterr = s->end_error;
        s->end_error = NULL;
    }
    return s->ended;
}

/* TW_ERR_TIMEOUT, *reterr NULL: nothing came. A WebSocket wakes up for its pings. */
static tw_status wait_for_bytes(struct stream *s, unsigned wait_ms, tw_error **reterr)
{
    unsigned ping_ms;
    tw_status st = TW_OK;

    for (;;) {
        uint64_t entered = clock_monotonic_ms(), waited;
        unsigned step_ms = wait_ms;

        if (s->is_websocket) {
            st = websocket_ping(&s->websocket, &ping_ms, reterr);
            step_ms = ping_ms < wait_ms ? ping_ms : wait_ms;
        }
        if (st == TW_OK)
            st = http_step(s->http, step_ms, reterr);
        if (st != TW_ERR_TIMEOUT || *reterr != NULL || step_ms == wait_ms)
            return st;
        waited = clock_monotonic_ms() - entered;
        wait_ms = waited < wait_ms ? wait_ms - (unsigned)waited : 0;
        st = TW_OK;
    }
}

tw_status stream_next_read(struct stream *s, tw_event *ret_event, tw_error **reterr)
{
    struct bytes frame;
    tw_status st;

    for (;;) {
        st = next_frame(s, &frame, reterr);
        if (st != TW_OK)
            return st;
        s->frame_len = frame.len;
        st = stream_decode(frame, s->is_protobuf, s->strip, &s->scratch, ret_event, reterr);
        if (st != TW_ERR_PROTOCOL || s->is_websocket || !framer_reject(&s->framer))
            return st;
        tw_error_clear(reterr); /* a line was no value */
    }
}

tw_status stream_next(struct stream *s, unsigned wait_ms, tw_event *ret_event, tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    tw_status st;

    for (;;) {
        st = stream_next_read(s, ret_event, error);
        if (st != TW_ERR_TIMEOUT)
            break;
        if (s->ended != TW_OK)
            return report_end(s, reterr);
        st = wait_for_bytes(s, wait_ms, &s->end_error);
        if (st == TW_ERR_TIMEOUT && s->end_error == NULL)
            return TW_ERR_TIMEOUT;
        s->ended = st; /* what came with the end is read first */
    }
    tw_error_free(own);
    return st;
}
