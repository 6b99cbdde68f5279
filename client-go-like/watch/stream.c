#include "client-go-like/watch/stream.h"

#include "client-go-like/object.h"

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

tw_status stream_decode(struct bytes frame, tw_event *ret_event, tw_error **reterr)
{
    const struct json *envelope = NULL;
    tw_object *object = NULL;
    struct bytes type;
    tw_status st = object_read(frame, "object", &object, &envelope, reterr);

    if (st != TW_OK)
        return st;
    type = json_get_text(envelope, "type");
    for (size_t i = 0; i < ARRAY_LEN(event_types); i++) {
        if (!bytes_eq(type, event_types[i].name))
            continue;
        *ret_event = (tw_event){event_types[i].type, object};
        return TW_OK;
    }
    st = tw_fail(reterr, TW_ERR_PROTOCOL, "unknown watch event type \"%.*s\"", BYTES_FMT(type));
    tw_object_unref(object);
    return st;
}

void stream_begin(struct stream *s, struct http *http)
{
    *s = (struct stream){.http = http};
    framer_init(&s->framer, FRAMER_JSON, STREAM_FRAME_MAX);
}

tw_status stream_open(struct stream *s, tw_client *client, struct http *http,
                      struct http_request *request, tw_error **reterr)
{
    stream_begin(s, http);
    return client_open(client, http, request, reterr);
}

void stream_close(struct stream *s)
{
    if (s->http == NULL)
        return;
    http_finish(s->http);
    framer_release(&s->framer);
    tw_error_free(s->end_error);
    *s = (struct stream){.http = NULL};
}

static tw_status fail_frame(enum status st, tw_error **reterr)
{
    if (st == STATUS_NO_MEMORY)
        return tw_fail_no_memory(reterr);
    if (st == STATUS_TOO_LARGE)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "a watch event is larger than %zu bytes",
                       STREAM_FRAME_MAX);
    return tw_fail(reterr, TW_ERR_PROTOCOL, "the watch sent something that is no JSON");
}

/* All complete events are out: says how the stream ended. */
static tw_status report_end(struct stream *s, tw_error **reterr)
{
    if (s->ended == TW_END && !framer_is_empty(&s->framer))
        return tw_fail(reterr, TW_ERR_BROKEN, "the watch ended in the middle of an event");
    if (reterr != NULL) {
        tw_error_free(*reterr);
        *reterr = s->end_error;
        s->end_error = NULL;
    }
    return s->ended;
}

tw_status stream_next(struct stream *s, unsigned wait_ms, tw_event *ret_event, tw_error **reterr)
{
    for (;;) {
        struct buf *body = http_body(s->http);
        struct bytes frame;
        enum status framed;
        tw_status st;

        if (body->len != 0) {
            framer_push(&s->framer, buf_bytes(body));
            buf_consume(body, body->len);
        }
        framed = framer_next(&s->framer, &frame);
        if (framed == STATUS_OK)
            return stream_decode(frame, ret_event, reterr);
        if (framed != STATUS_END)
            return fail_frame(framed, reterr);
        if (s->ended != TW_OK)
            return report_end(s, reterr);
        st = http_step(s->http, wait_ms, &s->end_error);
        if (st == TW_ERR_TIMEOUT && s->end_error == NULL)
            return TW_ERR_TIMEOUT;
        s->ended = st; /* what came with the end is read first */
    }
}
