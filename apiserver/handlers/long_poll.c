/*
 * long_poll - a watch that is answered once: with all events that are ready, as soon as there is
 * one, or with none when its time is over.
 *
 *   GET ..?watch=true&longPoll=true&resourceVersion=N
 *   {"kind":"WatchEventList", .. "metadata":{"resourceVersion":"M"},"events":[..]}
 *
 * The next poll asks for M. While it waits it is a cursor like any other watch; what it collects is
 * bounded, and what is left is for the next poll. A revision that history has passed is a real 410.
 */
#include "apiserver/handlers/watch.h"

#include <inttypes.h>

/* One write of a watch has up to HTTP_STREAM_WRITE_MAX events; one more always fits. */
enum { EVENTS_FULL = 1000 - HTTP_STREAM_WRITE_MAX, BYTES_FULL = 1024 * 1024 };

struct long_poll {
    struct api_request *api;
    struct watcher *watcher;
    struct buf events; /* as lines, with commas between them */
    size_t count;
};

static bool wanted(const struct api_request *api)
{
    return !api->http->websocket && query_bool(&api->info.query, "longPoll");
}

/* From a state there is no going on in the middle: a long poll begins with what follows. */
static enum status check(struct api_request *api, struct list_options *o, struct error *reterr)
{
    if (api->negotiated.form == FORM_EVENT_STREAM)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "longPoll is answered once: text/event-stream is not for it");
    if (o->send_initial)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "sendInitialEvents is forbidden for longPoll: list first");
    o->send_initial_set = true;
    o->bookmarks = false;
    return STATUS_OK;
}

static uint64_t timeout_s(uint64_t asked_s)
{
    enum { DEFAULT_S = 30, MOST_S = 300 };

    if (asked_s == 0)
        return DEFAULT_S;
    return asked_s < MOST_S ? asked_s : MOST_S;
}

/* ---- the sink: the poll is gone when it has answered ---- */

static void answer(struct long_poll *poll, uint64_t rev)
{
    struct api_request *api = poll->api;
    struct buf body = {0}, events = poll->events;
    struct bytes text = arena_printf(&api->arena, "%" PRIu64, rev);

    api_add_header(api, "tidewatch-resource-version", text);
    buf_appendf(&body,
                "{\"kind\":\"WatchEventList\",\"apiVersion\":\"tidewatch.dev/v1\","
                "\"metadata\":{\"resourceVersion\":\"%.*s\"},\"events\":[",
                BYTES_FMT(text));
    buf_append_bytes(&body, buf_bytes(&events));
    buf_append_str(&body, "]}");
    body.failed |= events.failed;
    buf_release(&events);
    respond_json(api, 200, &body);
}

static void fail(void *sink, const struct error *err)
{
    struct long_poll *poll = sink;
    struct error told = {0};

    buf_release(&poll->events);
    error_set(&told, err->status, "%s", error_message(err));
    respond_error(poll->api, &told);
}

static void fail_without_memory(void *sink)
{
    struct error err = {0};

    error_set(&err, STATUS_NO_MEMORY, "out of memory");
    fail(sink, &err);
    error_release(&err);
}

static bool ready(const void *sink)
{
    (void)sink;
    return true;
}

/* From inside of what the watch calls. */
static void drop_and_answer(struct long_poll *poll, uint64_t rev)
{
    watcher_drop(poll->watcher);
    answer(poll, rev);
}

static void write_events(void *sink, struct frame *const *frames, size_t count, uint64_t rev)
{
    struct long_poll *poll = sink;

    for (size_t i = 0; i < count; i++) {
        if (poll->count++ > 0)
            buf_append_char(&poll->events, ',');
        buf_append_bytes(&poll->events, frame_payload(frames[i]));
    }
    if (poll->count >= EVENTS_FULL || poll->events.len >= BYTES_FULL)
        drop_and_answer(poll, rev);
    else
        watcher_ready(poll->watcher);
}

static void caught_up(void *sink, uint64_t rev)
{
    struct long_poll *poll = sink;

    if (poll->count > 0)
        drop_and_answer(poll, rev);
}

static void end(void *sink, uint64_t rev)
{
    answer(sink, rev);
}

/* ---- its start ---- */

static void on_left(struct api_request *api)
{
    struct long_poll *poll = ((struct watch_request *)api->state)->own;

    watcher_drop(poll->watcher);
    buf_release(&poll->events);
    api_free(api);
}

static void start(struct api_request *api, const struct watch_spec *spec)
{
    static const struct watch_sink_ops ops = {.ready = ready,
                                              .write = write_events,
                                              .caught_up = caught_up,
                                              .end = end,
                                              .abort = fail_without_memory,
                                              .fail = fail};
    struct long_poll *poll = arena_alloc(&api->arena, sizeof(*poll));

    if (poll == NULL) {
        watch_spec_release(spec);
        fail_without_memory(&(struct long_poll){.api = api});
        return;
    }
    *poll = (struct long_poll){.api = api};
    ((struct watch_request *)api->state)->own = poll;
    poll->watcher = watcher_new(api->worker->cache, spec, &ops, poll);
    if (poll->watcher == NULL) {
        fail_without_memory(poll);
        return;
    }
    api->left = on_left;
    watcher_ready(poll->watcher);
}

const struct watch_way watch_by_long_poll = {wanted, check, timeout_s, start};
