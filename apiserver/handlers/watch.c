/*
 * watch - which events a watch request means, row by row of
 * k8s.io/apiserver/pkg/storage/testing/watcher_tests.go RunWatchSemantics:
 *
 *   resourceVersion  sendInitialEvents  what it means
 *   "" or "0"        absent or true     the state as ADDED, then what follows
 *   "" or "0"        false              what follows from now on
 *   N                absent or false    events after N (410 in the stream if they are gone)
 *   N                true               the state at N or later as ADDED, then what follows
 *
 * A watch is told by a stream that stays open, be it of lines, of server-sent events or the
 * messages of a WebSocket, by a long poll (long_poll.c), or by server push (watch_push.c).
 */
#include "apiserver/handlers/watch.h"

#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/metrics.h"
#include "base/clock.h"
#include "base/planted.h"

/* ---- by a stream ---- */

enum { LEAST_TIMEOUT_S = 1800 }; /* --min-request-timeout: endpoints/handlers/get.go ListResource */

static uint64_t stream_timeout_s(uint64_t asked_s)
{
    enum { MOST_S = 7 * 24 * 3600 };

    if (asked_s == 0)
        return LEAST_TIMEOUT_S + rand_below(LEAST_TIMEOUT_S);
    return asked_s < MOST_S ? asked_s : MOST_S;
}

struct http_request *watch_become_stream(struct api_request *api)
{
    struct http_request *req = api->http;

    api->code = 200;
    metrics_count_request(api->worker->metrics, api, clock_monotonic_us() - req->started_us, 0);
    audit_stream_began(api);
    req->on_gone = NULL;
    api->http = NULL;
    return req;
}

/* What an open stream looks like, by the form that was negotiated. */
static const struct {
    enum watch_framing framing;
    struct bytes type;
} streams[FORM_COUNT] = {
    [FORM_JSON] = {FRAMING_LINES, BYTES_INIT("application/json")},
    [FORM_EVENT_STREAM] = {FRAMING_SSE, BYTES_INIT("text/event-stream")},
    [FORM_PROTOBUF] = {FRAMING_PROTOBUF, BYTES_INIT(PROTOBUF_MEDIA_TYPE ";stream=watch")},
};

static enum watch_framing framing_of(const struct api_request *api)
{
    return streams[api->negotiated.form].framing;
}

static struct bytes stream_type(const struct api_request *api)
{
    return streams[api->negotiated.form].type;
}

static void start_stream(struct api_request *api, const struct watch_spec *spec)
{
    struct http_header headers[API_HEADERS_MAX];
    size_t count = api_headers(api, stream_type(api), headers);

    watcher_start(api->worker->cache, watch_become_stream(api), spec, headers, count);
    api_free(api);
}

static void refuse_too_late(struct api_request *api)
{
    struct http_header headers[API_HEADERS_MAX];
    size_t count = api_headers(api, stream_type(api), headers);
    struct error err = {0};

    error_rv_too_large(&err, api->min_rev, watch_cache_rev(api->worker->cache));
    watcher_refuse(watch_become_stream(api), &err, framing_of(api), headers, count);
    error_release(&err);
    api_free(api);
}

static bool always(const struct api_request *api)
{
    (void)api;
    return true;
}

/* What a client of server-sent events saw last goes before what its URL says: it comes back by
 * itself, to the same URL, and goes on where it was (HTML standard, section 9.2.4). */
static enum status use_last_event_id(struct api_request *api, struct list_options *o,
                                     struct error *reterr)
{
    struct bytes id = http_header(api->http, "last-event-id");
    uint64_t rv;

    if (api->negotiated.form != FORM_EVENT_STREAM)
        return STATUS_OK;
    if (id.len == 0)
        id = query_get(&api->info.query, "lastEventId");
    if (id.len == 0)
        return STATUS_OK;
    if (!bytes_to_u64(id, &rv) || rv == 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "invalid Last-Event-ID: \"%.*s\"",
                         BYTES_FMT(id));
    o->rv = rv;
    o->rv_set = true;
    o->send_initial = o->send_initial_set = false;
    return STATUS_OK;
}

const struct watch_way watch_by_stream = {always, use_last_event_id, stream_timeout_s,
                                          start_stream};

/* ---- what is watched ---- */

/* In the order they are tried; the last takes what no other wants. */
static const struct watch_way *const ways[] = {&watch_by_long_poll, &watch_by_push,
                                               &watch_by_stream};

static const struct watch_way *way_of(const struct api_request *api)
{
    size_t i = 0;

    while (!ways[i]->wanted(api))
        i++;
    return ways[i];
}

static void release(struct api_request *api)
{
    struct watch_request *watch = api->state;

    selection_release(&watch->selection);
}

void watch_spec_begin(struct watch_spec *spec, const struct list_options *o, uint64_t now)
{
    bool from_nowhere = o->rv == 0; /* absent, "" and "0" */

    spec->since = from_nowhere ? now : o->rv;
    if (PLANTED(live_repeats) && from_nowhere && now > 20)
        spec->since -= 20;
    if (PLANTED(future_is_now) && o->rv > now)
        spec->since = now;
    spec->initial = o->send_initial || (from_nowhere && !o->send_initial_set);
}

static void start(struct api_request *api)
{
    struct watch_request *watch = api->state;
    struct list_options *o = &watch->selection.options;
    struct watch_spec spec = {
        .kind = api->kind,
        .namespace = api->info.namespace,
        .name = api->info.name,
        .labels = o->labels,
        .fields = o->fields,
        .view = watch->view,
        .framing = framing_of(api),
        .bookmarks = o->bookmarks,
        .timeout_ms = api_watch_timeout_ms(api, watch->way->timeout_s(o->timeout_s) * 1000),
    };
    struct access what;
    struct error err = {0};

    watch_spec_begin(&spec, o, watch_cache_rev(api->worker->cache));
    spec.initial_end = spec.initial && spec.bookmarks;
    api_access_of(api, &what);
    if (api_permit_watch(api, &what, list_options_weight(&api->info.query), &spec.permit, &err) !=
        STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    o->labels = NULL; /* the watcher's now */
    o->fields = NULL;
    watch->way->start(api, &spec);
}

/* A name in the path of a legacy watch and one in the selector must agree (handlers/get.go). */
enum status watch_check_name(const struct request_info *info, const struct list_options *o,
                             struct error *reterr)
{
    struct bytes wanted = field_selector_required(o->fields, "metadata.name");

    if (info->name.len == 0 || wanted.ptr == NULL || bytes_eq(wanted, info->name))
        return STATUS_OK;
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "fieldSelector metadata.name doesn't match requested name");
}

void handle_watch(struct api_request *api)
{
    struct watch_request *watch = arena_new(&api->arena, struct watch_request);
    struct list_options *o;
    struct error err = {0};

    if (watch == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    if (selection_parse(api, true, &watch->selection, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    api->state = watch;
    api->release = release;
    watch->way = way_of(api);
    o = &watch->selection.options;
    if (watch_check_name(&api->info, o, &err) != STATUS_OK ||
        api_view(api, &watch->view, &err) != STATUS_OK ||
        watch->way->check(api, o, &err) != STATUS_OK)
        respond_error(api, &err);
    else if (o->rv != 0 && o->send_initial)
        api_wait_for_rv(api, o->rv, start, refuse_too_late);
    else
        start(api);
}
