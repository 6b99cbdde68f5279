/*
 * watch_push - a watch by HTTP/2 server push: `?watch=true&push=true`.
 *
 *   PUSH_PROMISE GET /api/v1/namespaces/default/configmaps/a
 *   200 {"kind":"ConfigMap", ..}    what that GET would answer now: the object, or 404
 *   and on the stream itself        {"type":"MODIFIED","url":"/api/v1/..","resourceVersion":"42"}
 *
 * Each event's push goes ahead of its line. A client that takes no pushes gets the events inline,
 * as any watch does, and the header `tidewatch-push: inline`; one that goes on refusing what is
 * pushed gets the rest inline, and so come events that are no object (bookmarks, errors). As many
 * pushes are on their way as the client allows; while it takes none the watch waits, as behind any
 * slow reader.
 */
#include "apiserver/handlers/watch.h"

#include <stdlib.h>

#include "codec/status_object.h"

struct push {
    struct watcher *watcher; /* NULL: it has ended, and what is queued is still to be sent */
    struct http_stream *stream;
    const struct kind *kind;
    struct frame *events[HTTP_STREAM_WRITE_MAX]; /* that were handed over; */
    size_t event_count, event_at;                /* from event_at on they are not pushed yet */
    struct frame *lines[HTTP_STREAM_WRITE_MAX];  /* to be written, of those before */
    size_t line_count;
};

static void push_free(struct push *push)
{
    for (size_t i = 0; i < push->line_count; i++)
        frame_unref(push->lines[i]);
    for (size_t i = push->event_at; i < push->event_count; i++)
        frame_unref(push->events[i]);
    kind_unref(push->kind);
    free(push);
}

/* ---- one event ---- */

/* What is told of an event, taken from its line: {"type":"ADDED","object":{..}} and a newline. */
struct told {
    struct arena arena;
    struct bytes type, object; /* the object's own text; ptr NULL: it is not pushed */
    struct bytes namespace, name, rv;
};

static void read_event(struct bytes line, struct told *ret)
{
    static const struct bytes before = BYTES_INIT("{\"type\":\""),
                              between = BYTES_INIT("\",\"object\":");
    struct json *event;
    const struct json *meta;
    size_t object_at;

    *ret = (struct told){0};
    if (json_parse(&ret->arena, line, &event, NULL, NULL) != STATUS_OK)
        return;
    ret->type = json_get_text(event, "type");
    meta = json_at(event, "object", "metadata", NULL);
    ret->namespace = json_get_text(meta, "namespace");
    ret->name = json_get_text(meta, "name");
    ret->rv = json_get_text(meta, "resourceVersion");
    object_at = before.len + ret->type.len + between.len;
    if (ret->name.len > 0 && line.len > object_at + 2)
        ret->object = bytes_of(line.ptr + object_at, line.len - object_at - 2);
}

static struct bytes url_of(const struct kind *kind, struct told *told)
{
    const char *root = kind->group[0] == '\0' ? "/api" : "/apis";

    if (told->namespace.len == 0)
        return arena_printf(&told->arena, "%s/%s/%s/%.*s", root, kind->api_version, kind->plural,
                            BYTES_FMT(told->name));
    return arena_printf(&told->arena, "%s/%s/namespaces/%.*s/%s/%.*s", root, kind->api_version,
                        BYTES_FMT(told->namespace), kind->plural, BYTES_FMT(told->name));
}

static struct blob *body_of(const struct kind *kind, const struct told *told, bool deleted)
{
    struct buf body = {0};
    struct error err = {0};

    if (deleted) {
        error_not_found(&err, kind, told->name);
        status_object_write(&body, &err);
        error_release(&err);
    } else {
        buf_append_bytes(&body, told->object);
    }
    buf_append_char(&body, '\n');
    return buf_to_blob(&body);
}

static enum status push_answer(struct push *push, const struct told *told, struct bytes url)
{
    static const struct http_header headers[] = {
        {BYTES_INIT("cache-control"), BYTES_INIT("no-cache, private")},
        {BYTES_INIT("content-type"), BYTES_INIT("application/json")},
        {BYTES_INIT("x-content-type-options"), BYTES_INIT("nosniff")},
    };
    bool deleted = bytes_eq_str(told->type, "DELETED");
    struct http_response response = {.status = deleted ? 404 : 200,
                                     .headers = headers,
                                     .header_count = ARRAY_LEN(headers),
                                     .body = body_of(push->kind, told, deleted)};
    enum status st = STATUS_NO_MEMORY;

    if (response.body != NULL)
        st = http_stream_push(push->stream, url, &response);
    blob_unref(response.body);
    return st;
}

static struct frame *line_of(const struct told *told, struct bytes url)
{
    struct buf line = {0};
    struct frame *frame = NULL;

    buf_appendf(&line, "{\"type\":\"%.*s\",\"url\":\"%.*s\",\"resourceVersion\":\"%.*s\"}\n",
                BYTES_FMT(told->type), BYTES_FMT(url), BYTES_FMT(told->rv));
    if (!line.failed)
        frame = frame_new(buf_bytes(&line));
    buf_release(&line);
    return frame;
}

/* Pushes the object of an event. OK: `*ret_line` is what the stream tells of it; END: not now. */
static enum status push_event(struct push *push, struct frame *event, struct frame **ret_line)
{
    struct told told;
    struct bytes url;
    enum status st = STATUS_UNAVAILABLE;

    read_event(frame_payload(event), &told);
    if (told.object.ptr != NULL && !told.arena.failed) {
        url = url_of(push->kind, &told);
        st = push_answer(push, &told, url);
    }
    if (st == STATUS_OK)
        *ret_line = line_of(&told, url);
    else if (st != STATUS_END) /* told inline */
        *ret_line = frame_ref(event);
    arena_release(&told.arena);
    return st == STATUS_END ? STATUS_END : STATUS_OK;
}

/* ---- all of them ---- */

static void push_abort(void *sink)
{
    struct push *push = sink;

    http_stream_abort(push->stream);
    push_free(push);
}

static bool push_some(struct push *push)
{
    while (push->event_at < push->event_count) {
        struct frame *event = push->events[push->event_at], *line = NULL;

        if (push_event(push, event, &line) == STATUS_END)
            return true;
        push->event_at++;
        frame_unref(event);
        if (line == NULL)
            return false;
        push->lines[push->line_count++] = line;
    }
    push->event_at = push->event_count = 0;
    return true;
}

static void write_lines(struct push *push)
{
    if (push->line_count == 0 || !http_stream_ready(push->stream))
        return;
    http_stream_write(push->stream, push->lines, push->line_count);
    for (size_t i = 0; i < push->line_count; i++)
        frame_unref(push->lines[i]);
    push->line_count = 0;
}

/* True when nothing is left to be sent. False: on_ready() goes on, or it is gone. */
static bool pump(struct push *push)
{
    if (!push_some(push)) {
        if (push->watcher != NULL)
            watcher_drop(push->watcher);
        push_abort(push);
        return false;
    }
    write_lines(push);
    return push->event_count == 0 && push->line_count == 0;
}

static void end_if_done(struct push *push)
{
    if (!pump(push))
        return;
    http_stream_end(push->stream);
    push_free(push);
}

static void on_ready(void *user)
{
    struct push *push = user;

    if (push->watcher == NULL)
        end_if_done(push);
    else if (pump(push) && http_stream_ready(push->stream))
        watcher_ready(push->watcher);
}

static void on_gone(void *user)
{
    struct push *push = user;

    if (push->watcher != NULL)
        watcher_drop(push->watcher);
    push_free(push);
}

/* ---- the sink ---- */

static bool sink_ready(const void *sink)
{
    const struct push *push = sink;

    return push->event_count == 0 && push->line_count == 0 && http_stream_ready(push->stream);
}

static void sink_write(void *sink, struct frame *const *frames, size_t count, uint64_t rev)
{
    struct push *push = sink;

    (void)rev;
    for (size_t i = 0; i < count; i++)
        push->events[i] = frame_ref(frames[i]);
    push->event_count = count;
    (void)pump(push);
}

static void sink_end(void *sink, uint64_t rev)
{
    struct push *push = sink;

    (void)rev;
    push->watcher = NULL;
    end_if_done(push);
}

/* ---- its start ---- */

static bool wanted(const struct api_request *api)
{
    return query_bool(&api->info.query, "push") && !api->http->websocket &&
           api->negotiated.form != FORM_EVENT_STREAM;
}

static enum status check(struct api_request *api, struct list_options *o, struct error *reterr)
{
    const struct watch_request *watch = api->state;

    (void)o;
    if (watch->view.shape == VIEW_OBJECT && watch->view.projection == NULL)
        return STATUS_OK;
    return error_set(reterr, STATUS_BAD_REQUEST, "push is for whole objects");
}

static uint64_t timeout_s(uint64_t asked_s)
{
    return watch_by_stream.timeout_s(asked_s);
}

static void fail_without_memory(struct api_request *api)
{
    struct error err = {0};

    error_set(&err, STATUS_NO_MEMORY, "out of memory");
    respond_error(api, &err);
}

static void start_pushing(struct api_request *api, const struct watch_spec *spec)
{
    static const struct watch_sink_ops ops = {
        .ready = sink_ready, .write = sink_write, .end = sink_end, .abort = push_abort};
    static const struct http_stream_handler from_stream = {.on_ready = on_ready,
                                                           .on_gone = on_gone};
    struct push *push = calloc(1, sizeof(*push));
    struct http_header headers[API_HEADERS_MAX];
    struct http_response head = {.status = 200, .headers = headers};

    if (push == NULL) {
        watch_spec_release(spec);
        fail_without_memory(api);
        return;
    }
    push->kind = kind_ref(api->kind);
    push->watcher = watcher_new(api->worker->cache, spec, &ops, push);
    if (push->watcher == NULL) {
        push_free(push);
        fail_without_memory(api);
        return;
    }
    head.header_count = api_headers(api, BYTES("application/json"), headers);
    push->stream = http_start_stream(watch_become_stream(api), &head, &from_stream, push);
    if (push->stream == NULL)
        on_gone(push);
    api_free(api);
}

static void start(struct api_request *api, const struct watch_spec *spec)
{
    if (api->http->can_push) {
        start_pushing(api, spec);
        return;
    }
    api_add_header(api, "tidewatch-push", BYTES("inline"));
    watch_by_stream.start(api, spec);
}

const struct watch_way watch_by_push = {wanted, check, timeout_s, start};
