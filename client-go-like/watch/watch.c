#include "client-go-like/watch/watch.h"

#include <stdlib.h>

#include "client-go-like/object.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/watch/stream.h"
#include "codec/protobuf.h"

enum { UNMARKED_IDLE_MS = 5 * 60 * 1000 }; /* without bookmarks silence is no sign of anything */

void watch_path(struct buf *path, const tw_resource *resource, const char *ns,
                const tw_watch_options *o)
{
    path_begin(path, resource, ns, NULL);
    path_query(path, "allowWatchBookmarks", o->bookmarks ? "true" : NULL);
    path_query(path, "fieldSelector", o->field_selector);
    path_query(path, "includeObject", o->include_object);
    path_query(path, "labelSelector", o->label_selector);
    path_query(path, "resourceVersion", o->resource_version);
    path_query(path, "resourceVersionMatch", o->send_initial_events ? "NotOlderThan" : NULL);
    path_query(path, "sendInitialEvents", o->send_initial_events ? "true" : NULL);
    if (o->timeout_s != 0)
        path_query_u64(path, "timeoutSeconds", o->timeout_s);
    path_query(path, "watch", "true");
}

static struct http_bounds bounds_of(const tw_watch_options *o)
{
    return (struct http_bounds){
        .connect_ms = HTTP_CONNECT_MS,
        .first_byte_ms = HTTP_FIRST_BYTE_MS,
        .idle_ms = o->idle_ms != 0 ? o->idle_ms
                   : o->bookmarks  ? HTTP_IDLE_MS
                                   : UNMARKED_IDLE_MS,
    };
}

const char *watch_accept(tw_framing framing, const tw_resource *resource)
{
    struct buf api_version = {0};
    bool known = false;

    if (framing == TW_FRAMING_PROTOBUF && resource->kind != NULL) {
        path_api_version(&api_version, resource);
        known =
            path_end(&api_version) != NULL && object_has_message(api_version.data, resource->kind);
    }
    buf_release(&api_version);
    return known ? PROTOBUF_MEDIA_TYPE ",application/json" : "application/json";
}

void watch_set_transport(struct http_request *request, tw_transport transport, bool is_watch)
{
    static const enum http_version versions[] = {
        [TW_TRANSPORT_AUTO] = HTTP_VERSION_ANY,
        [TW_TRANSPORT_HTTP1] = HTTP_VERSION_1_1,
        [TW_TRANSPORT_HTTP2] = HTTP_VERSION_2,
        [TW_TRANSPORT_WEBSOCKET] = HTTP_VERSION_ANY,
    };

    if ((size_t)transport < ARRAY_LEN(versions))
        request->version = versions[transport];
    request->websocket = transport == TW_TRANSPORT_WEBSOCKET && is_watch;
}

tw_status watch_acquire(tw_client *client, tw_transport transport, struct http **ret_http,
                        tw_error **reterr)
{
    const tw_config *config = client->config;
    bool may_agree = config->http2_prior || strncmp(config->server, "https:", 6) == 0;

    return transport == TW_TRANSPORT_HTTP2 || (transport == TW_TRANSPORT_AUTO && may_agree)
               ? client_acquire_shared(client, ret_http, reterr)
               : client_acquire(client, ret_http, reterr);
}

tw_status watch_request(struct buf *path, const tw_resource *resource, const char *ns,
                        const tw_watch_options *o, struct http_request *ret_request,
                        tw_error **reterr)
{
    struct http_request request = {.method = "GET", .accept = o->accept, .bounds = bounds_of(o)};

    watch_path(path, resource, ns, o);
    request.path = path_end(path);
    if (request.path == NULL)
        return tw_fail_no_memory(reterr);
    if (request.accept == NULL)
        request.accept = watch_accept(o->framing, resource);
    watch_set_transport(&request, o->transport, true);
    *ret_request = request;
    return TW_OK;
}

struct tw_watch {
    tw_client *client;
    struct http *http;
    struct stream stream;
};

static tw_status open_stream(tw_watch *w, const tw_resource *resource, const char *ns,
                             const tw_watch_options *o, tw_error **reterr)
{
    struct buf path = {0};
    struct http_request request;
    tw_status st = watch_request(&path, resource, ns, o, &request, reterr);

    if (st == TW_OK)
        st = stream_open(&w->stream, w->client, w->http, &request, reterr);
    buf_release(&path);
    return st;
}

tw_status tw_watch_open(tw_client *client, const tw_resource *resource, const char *ns,
                        const tw_watch_options *options, tw_watch **ret_watch, tw_error **reterr)
{
    static const tw_watch_options none;
    tw_watch *w = calloc(1, sizeof(*w));
    tw_status st;

    if (w == NULL)
        return tw_fail_no_memory(reterr);
    w->client = tw_client_ref(client);
    st = client_acquire(client, &w->http, reterr);
    if (st == TW_OK)
        st = open_stream(w, resource, ns, options != NULL ? options : &none, reterr);
    if (st == TW_OK)
        *ret_watch = w;
    else
        tw_watch_close(w);
    return st;
}

tw_status tw_watch_next(tw_watch *w, unsigned timeout_ms, tw_event *ret_event, tw_error **reterr)
{
    return stream_next(&w->stream, timeout_ms, ret_event, reterr);
}

void tw_watch_stop(tw_watch *w)
{
    http_stop(w->http);
}

void tw_watch_close(tw_watch *w)
{
    if (w == NULL)
        return;
    stream_close(&w->stream);
    client_release(w->client, w->http);
    tw_client_unref(w->client);
    free(w);
}
