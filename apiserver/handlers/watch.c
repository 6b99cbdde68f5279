/*
 * watch - which events a watch request means, row by row of
 * k8s.io/apiserver/pkg/storage/testing/watcher_tests.go RunWatchSemantics:
 *
 *   resourceVersion  sendInitialEvents  what it means
 *   "" or "0"        absent or true     the state as ADDED, then what follows
 *   "" or "0"        false              what follows from now on
 *   N                absent or false    events after N (410 in the stream if they are gone)
 *   N                true               the state at N or later as ADDED, then what follows
 */
#include "apiserver/handlers/selection.h"

#include "apiserver/handlers/metrics.h"
#include "base/clock.h"

struct watch_request {
    struct selection selection;
    struct view view;
};

static void release(struct api_request *api)
{
    struct watch_request *watch = api->state;

    selection_release(&watch->selection);
}

enum { LEAST_TIMEOUT_S = 1800 }; /* --min-request-timeout: endpoints/handlers/get.go ListResource */

static uint64_t timeout_ms(const struct list_options *o)
{
    enum { MOST_S = 7 * 24 * 3600 };

    if (o->timeout_s == 0)
        return (LEAST_TIMEOUT_S + rand_below(LEAST_TIMEOUT_S)) * 1000;
    return (o->timeout_s < MOST_S ? o->timeout_s : MOST_S) * 1000;
}

/* Takes the HTTP request out of the api_request's hands: from here on it is a stream's. */
static struct http_request *become_stream(struct api_request *api)
{
    struct http_request *req = api->http;

    api->code = 200;
    metrics_count_request(api->worker->metrics, api, clock_monotonic_us() - req->started_us, 0);
    req->on_gone = NULL;
    api->http = NULL;
    return req;
}

static struct bytes stream_type(void)
{
    return BYTES("application/json");
}

static void refuse_too_late(struct api_request *api)
{
    struct http_header headers[API_HEADERS_MAX];
    size_t count = api_headers(api, stream_type(), 200, headers);
    struct error err = {0};

    error_rv_too_large(&err, api->min_rev, watch_cache_rev(api->worker->cache));
    watcher_refuse(become_stream(api), &err, headers, count);
    error_release(&err);
    api_free(api);
}

static void start(struct api_request *api)
{
    struct watch_request *watch = api->state;
    struct list_options *o = &watch->selection.options;
    bool from_nowhere = o->rv == 0; /* absent, "" and "0" */
    struct http_header headers[API_HEADERS_MAX];
    size_t count = api_headers(api, stream_type(), 200, headers);
    struct watch_spec spec = {
        .kind = api->kind,
        .namespace = api->info.namespace,
        .name = api->info.name,
        .labels = o->labels,
        .fields = o->fields,
        .view = watch->view,
        .since = from_nowhere ? watch_cache_rev(api->worker->cache) : o->rv,
        .initial = o->send_initial || (from_nowhere && !o->send_initial_set),
        .bookmarks = o->bookmarks,
        .timeout_ms = timeout_ms(o),
    };

    spec.initial_end = spec.initial && spec.bookmarks;
    o->labels = NULL; /* the watcher's now */
    o->fields = NULL;
    watcher_start(api->worker->cache, become_stream(api), &spec, headers, count);
    api_free(api);
}

/* A name in the path of a legacy watch and one in the selector must agree (handlers/get.go). */
static enum status check_name(struct api_request *api, const struct list_options *o,
                              struct error *reterr)
{
    struct bytes wanted = field_selector_required(o->fields, "metadata.name");

    if (api->info.name.len == 0 || wanted.ptr == NULL || bytes_eq(wanted, api->info.name))
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
    o = &watch->selection.options;
    if (check_name(api, o, &err) != STATUS_OK || api_view(api, &watch->view, &err) != STATUS_OK)
        respond_error(api, &err);
    else if (o->rv != 0 && o->send_initial)
        api_wait_for_rv(api, o->rv, start, refuse_too_late);
    else
        start(api);
}
