#include "apiserver/handlers/watch_many.h"

#include <stdlib.h>

#include "apiserver/handlers/watch.h"
#include "apiserver/request/subscribe.h"
#include "apiserver/watch/mux.h"

/* Messages of one client that wait until this loop has applied what was committed when they came.
 */
enum { WAITING_MAX = 64 };

static_assert((int)SUBSCRIPTIONS_MAX == (int)MUX_MEMBERS_MAX, "one list fits one mux");

struct subscriber {
    struct worker *worker;
    struct mux *mux;
    struct session *session; /* on whose behalf; or NULL */
    struct list waiting;     /* messages */
    size_t waiting_count;
};

struct message {
    struct list link;
    struct subscriber *subscriber;
    struct api_request *api; /* its arena holds the message, and it waits like any request */
    struct bytes text;
};

/* ---- one subscription ---- */

static const struct {
    const char *name;
    enum view_shape shape;
} formats[] = {{"object", VIEW_OBJECT}, {"metadata", VIEW_METADATA}, {"table", VIEW_TABLE}};

static const struct {
    const char *name;
    enum view_include include;
} includes[] = {{"Metadata", VIEW_INCLUDE_METADATA},
                {"None", VIEW_INCLUDE_NONE},
                {"Object", VIEW_INCLUDE_OBJECT}};

static enum status read_format(const struct query *query, struct view *view, struct error *reterr)
{
    struct bytes format = query_get(query, "format"), include = query_get(query, "includeObject");
    size_t f = 0, i = 0;

    while (format.len > 0 && f < ARRAY_LEN(formats) && !bytes_eq_str(format, formats[f].name))
        f++;
    if (f == ARRAY_LEN(formats))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "format is object, metadata or table, not \"%.*s\"", BYTES_FMT(format));
    while (include.len > 0 && i < ARRAY_LEN(includes) && !bytes_eq_str(include, includes[i].name))
        i++;
    if (i == ARRAY_LEN(includes))
        return error_set(reterr, STATUS_BAD_REQUEST, "unrecognized includeObject value: \"%.*s\"",
                         BYTES_FMT(include));
    view->shape = formats[f].shape;
    view->include = includes[i].include;
    return STATUS_OK;
}

/* `*ret_projection` is the caller's. */
static enum status read_view(const struct query *query, struct view *ret_view,
                             struct projection **ret_projection, struct error *reterr)
{
    enum status st = read_format(query, ret_view, reterr);

    if (st == STATUS_OK)
        st = projection_parse(query_get(query, "drop"), query_get(query, "fields"), ret_projection,
                              reterr);
    if (st == STATUS_OK)
        ret_view->projection = *ret_projection;
    return st;
}

static enum status find_kind(const struct worker *worker, const struct request_info *info,
                             const struct kind **ret_kind, struct error *reterr)
{
    const struct kind *kind =
        registry_find(worker->registry, info->group, info->version, info->resource);

    if (kind == NULL || (!kind->namespaced && info->namespace.len > 0))
        return error_set(reterr, STATUS_NOT_FOUND,
                         "the server could not find the requested resource");
    if (kind->review)
        return error_set(reterr, STATUS_METHOD_NOT_ALLOWED,
                         "watch is not supported on resources of kind \"%s\"",
                         kind->group_resource);
    *ret_kind = kind;
    return STATUS_OK;
}

/* Nobody was given a revision that is not committed yet, and what was committed is applied. */
static enum status check_rev(const struct worker *worker, const struct list_options *o,
                             struct error *reterr)
{
    uint64_t now = watch_cache_rev(worker->cache);

    if (o->rv <= now || !o->send_initial)
        return STATUS_OK;
    return error_rv_too_large(reterr, o->rv, now);
}

/* Fills what a subscription means; the options and the projection are the caller's to release. */
static enum status read_subscription(const struct worker *worker, const struct request_info *info,
                                     struct list_options *o, struct projection **projection,
                                     struct watch_spec *spec, struct error *reterr)
{
    enum status st = find_kind(worker, info, &spec->kind, reterr);

    if (st == STATUS_OK)
        st = list_options_parse(&info->query, true, o, reterr);
    if (st == STATUS_OK)
        st = selection_check_fields(spec->kind, o->fields, reterr);
    if (st == STATUS_OK)
        st = watch_check_name(info, o, reterr);
    if (st == STATUS_OK)
        st = check_rev(worker, o, reterr);
    if (st == STATUS_OK)
        st = read_view(&info->query, &spec->view, projection, reterr);
    spec->namespace = info->namespace;
    spec->name = info->name;
    watch_spec_begin(spec, o, watch_cache_rev(worker->cache));
    return st;
}

/* Behind what its client has been told: never before what the subscription itself asks for. */
static void resume(struct watch_spec *spec, const struct list_options *o, uint64_t told)
{
    spec->initial = false;
    spec->since = told > o->rv ? told : o->rv;
}

/* The right to it, as that to a watch of its own. */
static enum status authorize(struct api_request *api, const struct request_info *info,
                             const struct list_options *o, struct watch_permit **ret_permit,
                             struct error *reterr)
{
    struct access what = {.is_resource = true,
                          .verb = BYTES("watch"),
                          .group = info->group,
                          .version = info->version,
                          .resource = info->resource,
                          .namespace = info->namespace,
                          .name = info->name};
    enum status st;

    if (what.name.len == 0 && o->fields != NULL)
        what.name = arena_dup(&api->arena, field_selector_required(o->fields, "metadata.name"));
    if (bytes_eq_str(what.resource, "namespaces") && what.namespace.len == 0)
        what.namespace = info->name;
    st = api_authorize(api, &what, reterr);
    return st == STATUS_OK
               ? api_permit_watch(api, &what, list_options_weight(&info->query), ret_permit, reterr)
               : st;
}

/* `told` 0: it begins as it says. */
static void subscribe_one(struct subscriber *s, struct api_request *api, struct subscription *item,
                          uint64_t told)
{
    struct list_options options = {0};
    struct projection *projection = NULL;
    struct watch_spec spec = {0};
    struct error err = {0};
    enum status st = item->why.status;

    if (st == STATUS_OK && mux_count(s->mux) == MUX_MEMBERS_MAX)
        st = error_set(&err, STATUS_TOO_MANY_REQUESTS, "a stream has at most %d subscriptions",
                       MUX_MEMBERS_MAX);
    if (st == STATUS_OK)
        st = read_subscription(s->worker, &item->info, &options, &projection, &spec, &err);
    if (st == STATUS_OK)
        st = authorize(api, &item->info, &options, &spec.permit, &err);
    if (st == STATUS_OK) {
        if (told > 0)
            resume(&spec, &options, told);
        spec.labels = options.labels; /* the watcher's now */
        spec.fields = options.fields;
        options.labels = NULL;
        options.fields = NULL;
        st = mux_add(s->mux, item->id, &spec);
        if (st != STATUS_OK)
            error_set(&err, st, "out of memory");
    }
    if (st != STATUS_OK)
        mux_refuse(s->mux, item->id, item->why.status != STATUS_OK ? &item->why : &err);
    list_options_release(&options);
    projection_unref(projection);
    error_release(&err);
}

/* ---- messages ---- */

/* An error without an id: it must not look as if the one that has the id had failed. */
static void refuse_taken_id(struct subscriber *s, struct bytes id)
{
    struct error err = {0};

    error_set(&err, STATUS_ALREADY_EXISTS, "subscription \"%.*s\" already exists: remove it first",
              BYTES_FMT(id));
    mux_refuse(s->mux, BYTES(""), &err);
    error_release(&err);
}

static void apply_message(struct subscriber *s, struct message *message)
{
    struct subscribe it = {0};
    struct error err = {0};

    if (api_use_session(message->api, s->session, &err) != STATUS_OK ||
        subscribe_parse(&message->api->arena, message->text, &it, &err) != STATUS_OK)
        mux_refuse(s->mux, BYTES(""), &err);
    for (size_t i = 0; i < it.remove_count; i++)
        mux_remove(s->mux, it.remove[i]);
    for (size_t i = 0; i < it.add_count; i++)
        if (mux_has(s->mux, it.add[i].id))
            refuse_taken_id(s, it.add[i].id);
        else
            subscribe_one(s, message->api, &it.add[i], 0);
    subscribe_release(&it);
    error_release(&err);
}

static void message_free(struct message *message)
{
    list_remove(&message->link);
    message->subscriber->waiting_count--;
    api_free(message->api);
}

static void on_message_due(struct api_request *api)
{
    struct message *message = api->state;

    apply_message(message->subscriber, message);
    message_free(message);
}

static struct message *message_new(struct subscriber *s, struct bytes text)
{
    struct api_request *api = calloc(1, sizeof(*api));
    struct message *message = api != NULL ? arena_new(&api->arena, struct message) : NULL;

    if (message == NULL) {
        free(api);
        return NULL;
    }
    api->worker = s->worker;
    api->state = message;
    *message = (struct message){.subscriber = s, .api = api, .text = arena_dup(&api->arena, text)};
    list_append(&s->waiting, &message->link);
    s->waiting_count++;
    return message;
}

/* A state that is subscribed to holds all that was acknowledged before. */
static void on_message(void *user, struct bytes text)
{
    struct subscriber *s = user;
    struct message *message = s->waiting_count < WAITING_MAX ? message_new(s, text) : NULL;
    struct error err = {0};

    if (message != NULL) {
        api_wait_for(message->api, storage_committed(s->worker->storage), on_message_due);
        return;
    }
    error_set(&err, STATUS_TOO_MANY_REQUESTS, "too many messages at once: this one was dropped");
    mux_refuse(s->mux, BYTES(""), &err);
    error_release(&err);
}

static void on_gone(void *user)
{
    struct subscriber *s = user;

    while (!list_empty(&s->waiting))
        message_free(list_entry(s->waiting.next, struct message, link));
    api_session_unref(s->session);
    free(s);
}

/* ---- the request ---- */

struct many {
    struct subscribe list;
    struct resume_point resume; /* rev 0: none */
    uint64_t timeout_s;
};

static void release(struct api_request *api)
{
    subscribe_release(&((struct many *)api->state)->list);
}

static enum status check_method(struct api_request *api, struct error *reterr)
{
    if (!api->info.head)
        return STATUS_OK;
    api->allow = BYTES("GET");
    return error_set(reterr, STATUS_METHOD_NOT_ALLOWED,
                     "the server does not allow this method on the requested resource");
}

static enum status read_resume_point(struct api_request *api, struct many *many,
                                     struct error *reterr)
{
    struct bytes id = http_header(api->http, "last-event-id");

    if (api->negotiated.form != FORM_EVENT_STREAM)
        return STATUS_OK;
    if (id.len == 0)
        id = query_get(&api->info.query, "lastEventId");
    return id.len == 0 ? STATUS_OK : resume_point_parse(id, &many->list, &many->resume, reterr);
}

static enum status read_request(struct api_request *api, struct many *many, struct error *reterr)
{
    struct list_options options = {0};
    enum status st = check_method(api, reterr);

    if (st == STATUS_OK)
        st = negotiate(&api->arena, http_header(api->http, "accept"), OFFER_STREAM,
                       &api->negotiated, reterr);
    if (st == STATUS_OK)
        st = list_options_parse(&api->info.query, true, &options, reterr);
    many->timeout_s = options.timeout_s;
    list_options_release(&options);
    if (st == STATUS_OK)
        st = subscribe_parse_query(&api->arena, &api->info.query, &many->list, reterr);
    if (st == STATUS_OK && many->list.add_count == 0 && !api->http->websocket)
        st = error_set(reterr, STATUS_BAD_REQUEST,
                       "name what to watch: subscribe=ID=URL, once for each, or open a WebSocket");
    return st == STATUS_OK ? read_resume_point(api, many, reterr) : st;
}

static struct subscriber *subscriber_new(struct api_request *api, const struct many *many)
{
    bool sse = api->negotiated.form == FORM_EVENT_STREAM && !api->http->websocket;
    struct subscriber *s = calloc(1, sizeof(*s));
    struct mux_options options = {
        .cache = api->worker->cache,
        .framing = sse ? FRAMING_SSE : FRAMING_LINES,
        .fixed = !api->http->websocket,
        .timeout_ms = api_watch_timeout_ms(api, watch_by_stream.timeout_s(many->timeout_s) * 1000),
        .on_message = on_message,
        .on_gone = on_gone,
        .user = s,
    };

    if (s == NULL)
        return NULL;
    list_init(&s->waiting);
    s->worker = api->worker;
    if (api_session(api, &s->session, NULL) == STATUS_OK)
        s->mux = mux_new(&options);
    if (s->mux != NULL)
        return s;
    api_session_unref(s->session);
    free(s);
    return NULL;
}

static void start(struct api_request *api, struct many *many)
{
    struct subscriber *s = subscriber_new(api, many);
    struct http_header headers[API_HEADERS_MAX];
    struct error err = {0};
    size_t count;

    if (s == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    for (size_t i = 0; i < many->list.add_count; i++)
        subscribe_one(s, api, &many->list.add[i],
                      many->resume.rev - (many->resume.rev > 0 && i >= many->resume.told));
    count = api_headers(api,
                        api->negotiated.form == FORM_EVENT_STREAM ? BYTES("text/event-stream")
                                                                  : BYTES("application/json"),
                        headers);
    mux_start(s->mux, watch_become_stream(api), headers, count);
    api_free(api);
}

void handle_watch_many(struct api_request *api)
{
    struct many *many = arena_new(&api->arena, struct many);
    struct error err = {0};

    if (many == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    api->state = many;
    api->release = release;
    if (read_request(api, many, &err) != STATUS_OK)
        respond_error(api, &err);
    else
        start(api, many);
}
