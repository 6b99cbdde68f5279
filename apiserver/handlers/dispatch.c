/*
 * dispatch - from the transport's request to the handler of its verb.
 */
#include "apiserver/handlers/api.h"

#include <stdlib.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/cors.h"
#include "apiserver/handlers/flight.h"
#include "apiserver/handlers/forms.h"
#include "apiserver/handlers/server_info.h"
#include "apiserver/handlers/watch_many.h"
#include "apiserver/handlers/watch_websocket.h"
#include "apiserver/request/timeout.h"
#include "base/log.h"
#include "base/planted.h"

/* ---- waiting for revisions ---- */

static void stop_waiting(struct api_request *api)
{
    list_remove(&api->waiting_link);
    loop_timer_stop(api->worker->loop, &api->timer);
}

void api_wait_for(struct api_request *api, uint64_t rev, void (*resume)(struct api_request *))
{
    struct worker *w = api->worker;

    if (watch_cache_rev(w->cache) >= rev) {
        resume(api);
        return;
    }
    api->min_rev = rev;
    api->resume = resume;
    list_append(&w->waiting, &api->waiting_link);
    if (w->waiting_least == 0 || rev < w->waiting_least)
        w->waiting_least = rev;
}

void worker_resume_waiting(struct worker *worker)
{
    uint64_t rev = watch_cache_rev(worker->cache);
    struct list due;

    if (worker->waiting_least == 0 || rev < worker->waiting_least)
        return;
    worker->waiting_least = 0;
    list_init(&due);
    list_for_each(&worker->waiting, it) {
        struct api_request *api = list_entry(it, struct api_request, waiting_link);

        if (api->min_rev <= rev) {
            list_remove(it);
            list_append(&due, it);
        } else if (worker->waiting_least == 0 || api->min_rev < worker->waiting_least) {
            worker->waiting_least = api->min_rev;
        }
    }
    while (!list_empty(&due)) {
        struct api_request *api = list_entry(due.next, struct api_request, waiting_link);

        stop_waiting(api);
        api->resume(api);
    }
}

enum status error_rv_too_large(struct error *reterr, uint64_t rv, uint64_t current)
{
    error_set(reterr, STATUS_TIMEOUT, "Timeout: Too large resource version: %llu, current: %llu",
              (unsigned long long)rv, (unsigned long long)current);
    error_add_cause(reterr, "ResourceVersionTooLarge", bytes_of(NULL, 0),
                    "Too large resource version");
    if (reterr != NULL)
        reterr->retry_after_s = 1;
    return STATUS_TIMEOUT;
}

static void on_rv_timeout(struct loop_timer *timer)
{
    struct api_request *api = container_of(timer, struct api_request, timer);
    struct error err = {0};

    stop_waiting(api);
    if (api->too_late != NULL) {
        api->too_late(api);
        return;
    }
    error_rv_too_large(&err, api->min_rev, watch_cache_rev(api->worker->cache));
    respond_error(api, &err);
}

void api_wait_for_rv(struct api_request *api, uint64_t rv, void (*resume)(struct api_request *),
                     void (*too_late)(struct api_request *))
{
    enum { BLOCK_TIMEOUT_MS = 3000 };

    if (watch_cache_rev(api->worker->cache) < rv) {
        api->too_late = too_late;
        api->timer.on_fire = on_rv_timeout;
        loop_timer_start(api->worker->loop, &api->timer, BLOCK_TIMEOUT_MS);
    }
    api_wait_for(api, rv, resume);
}

/* ---- the life of a request ---- */

void api_free(struct api_request *api)
{
    if (api->http != NULL) {
        api->http->on_gone = NULL;
        api->http->user = NULL;
    }
    if (api->release != NULL)
        api->release(api);
    audit_stream_unref(api->audit_stream);
    stop_waiting(api);
    flight_end(api);
    kind_unref(api->kind);
    projection_unref(api->negotiated.projection);
    arena_release(&api->arena);
    free(api);
}

void api_leave(struct api_request *api)
{
    api->http = NULL;
    if (api->left != NULL)
        api->left(api);
    else if (list_linked(&api->waiting_link) || list_linked(&api->turn.link))
        api_free(api); /* else a write or a disk read is under way and ends it */
}

static void on_gone(struct http_request *req)
{
    struct api_request *api = req->user;

    if (api->identity != NULL) /* what is under way will be recorded: he was let in */
        audit_note(api);
    api_leave(api);
}

/* Which subresources a kind has. */
static bool has_subresource(const struct kind *kind, struct bytes name)
{
    return (kind->has_status && bytes_eq_str(name, "status")) ||
           (kind->has_scale && bytes_eq_str(name, "scale")) ||
           (kind->has_finalize && bytes_eq_str(name, "finalize")) ||
           (kind->has_token && bytes_eq_str(name, "token"));
}

/* Is there such a path for this kind? (k8s.io/apiserver/pkg/endpoints/installer.go) */
static bool path_exists(const struct request_info *info, const struct kind *kind)
{
    if (info->subresource.len != 0 && !has_subresource(kind, info->subresource))
        return false;
    if (info->is_watch_path && (kind->custom || info->subresource.len != 0))
        return false;
    if (!kind->namespaced)
        return info->namespace.len == 0;
    if (info->namespace.len != 0)
        return true;
    /* Across namespaces there is only list and watch, and custom kinds know no other path. */
    return info->name.len == 0 &&
           (!kind->custom || info->verb == VERB_LIST || info->verb == VERB_WATCH);
}

/* A subresource that a custom kind does not have is said to be the object that is not there
 * (k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go). */
static void respond_no_such_resource(struct api_request *api, const struct kind *kind)
{
    const struct request_info *info = &api->info;
    struct error err = {0};

    if (kind == NULL || !kind->custom || info->is_watch_path || info->subresource.len == 0 ||
        (info->namespace.len != 0) != kind->namespaced) {
        respond_no_such_path(api);
        return;
    }
    error_not_found(&err, kind, info->name);
    respond_error(api, &err);
}

/* What `verb` is handled by, for the URL of the request; NULL: not allowed. */
static handler *handler_of(const struct request_info *info, const struct kind *kind, enum verb verb)
{
    static handler *const handlers[VERB_COUNT] = {
        [VERB_GET] = handle_get,       [VERB_LIST] = handle_list,
        [VERB_WATCH] = handle_watch,   [VERB_CREATE] = handle_create,
        [VERB_UPDATE] = handle_update, [VERB_PATCH] = handle_patch,
        [VERB_DELETE] = handle_delete, [VERB_DELETE_COLLECTION] = handle_delete_collection,
    };
    if (kind->review)
        return verb == VERB_CREATE && info->name.len == 0 ? handle_review : NULL;
    if (kind->has_token && bytes_eq_str(info->subresource, "token"))
        return verb == VERB_CREATE ? handle_token_request : NULL;
    if (info->is_watch_path && verb != VERB_WATCH)
        return NULL;
    if (verb == VERB_CREATE && info->name.len != 0)
        return NULL;
    if (info->subresource.len != 0 && verb == VERB_DELETE)
        return NULL;
    if (kind->namespaced && info->namespace.len == 0 && verb >= VERB_CREATE)
        return NULL; /* across namespaces there is only list and watch */
    if (verb == VERB_DELETE_COLLECTION && kind->has_finalize)
        return NULL; /* they go one by one (registry/core/namespace/storage) */
    return handlers[verb];
}

/* RFC 9110 15.5.6: a 405 names the methods that are allowed. */
static struct bytes allowed_methods(struct api_request *api)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct bytes allowed = BYTES("");

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        enum verb verb = request_info_verb(&api->info, bytes_str(methods[i]));

        if (handler_of(&api->info, api->kind, verb) != NULL)
            allowed = arena_printf(&api->arena, "%.*s%s%s", BYTES_FMT(allowed),
                                   allowed.len != 0 ? ", " : "", i == 0 ? "GET, HEAD" : methods[i]);
    }
    return allowed;
}

static void respond_method_not_allowed(struct api_request *api)
{
    const struct kind *kind = api->kind;
    struct error err = {0};

    api->allow = allowed_methods(api);
    if (kind->custom && api->info.verb != VERB_NONE) {
        error_set(&err, STATUS_METHOD_NOT_ALLOWED,
                  "%s is not supported on resources of kind \"%s\"", verb_name(api->info.verb),
                  kind->group_resource);
        error_set_details(&err, bytes_str(kind->group), bytes_str(kind->plural), BYTES(""));
    } else {
        error_set(&err, STATUS_METHOD_NOT_ALLOWED,
                  "the server does not allow this method on the requested resource");
    }
    respond_error(api, &err);
}

static void route(struct api_request *api)
{
    struct request_info *info = &api->info;
    const struct kind *kind;
    struct error err = {0};
    handler *handle;

    if (cors_begin(api))
        return;
    if (api->http->websocket && !websocket_admit(api))
        return;
    if (!access_begin(api))
        return;
    if (!info->is_resource || watch_many_is_path(info)) {
        handle_non_resource(api);
        return;
    }
    kind = registry_find(api->worker->registry, info->group, info->version, info->resource);
    if (kind == NULL || !path_exists(info, kind)) {
        respond_no_such_resource(api, kind);
        return;
    }
    api->kind = kind_ref(kind);
    handle = handler_of(info, kind, info->verb);
    if (handle == NULL) {
        respond_method_not_allowed(api);
        return;
    }
    if (api_negotiate(api, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    if (kind->deprecated && kind->deprecation_warning != NULL)
        api_warn(api, bytes_str(kind->deprecation_warning));
    flight_run(api, handle);
}

/* Go-http clients of people ask for JSON that reads well
 * (endpoints/handlers/negotiation/negotiate.go isPrettyPrint). */
static bool wants_pretty(const struct api_request *api)
{
    static const struct bytes people[] = {BYTES_INIT("curl"), BYTES_INIT("Wget"),
                                          BYTES_INIT("Mozilla/5.0")};
    struct bytes agent = http_header(api->http, "user-agent");

    if (query_has(&api->info.query, "pretty"))
        return query_bool(&api->info.query, "pretty");
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        if (bytes_starts_with(agent, people[i]))
            return true;
    return false;
}

void api_on_request(void *user, struct http_request *req)
{
    struct worker *worker = user;
    struct api_request *api = malloc(sizeof(*api));
    struct error err = {0};

    if (api == NULL) {
        http_reply(req, &(struct http_response){.status = 500});
        return;
    }
    *api = (struct api_request){.worker = worker, .http = req, .user = &user_anonymous};
    req->user = api;
    req->on_gone = on_gone;
    uuid_new(api->audit_id);
    request_info_parse(&api->arena, req->method, req->target, &api->info);
    api->pretty = wants_pretty(api);
    /* A watch takes its length from timeoutSeconds alone. */
    if (api->info.verb != VERB_WATCH &&
        request_timeout_check(&api->info.query, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    if (!flight_begin(api))
        return;
    /* A default read is consistent: it sees all that was acknowledged before it came in. */
    api_wait_for(api, PLANTED(stale_read) ? 0 : storage_committed(worker->storage), route);
}

void worker_submit_all(struct worker *worker)
{
    struct write *writes = worker->submitted;

    worker->submitted = NULL;
    if (writes != NULL)
        storage_submit_all(worker->storage, writes);
}

static void end_turn(struct loop_task *task)
{
    worker_submit_all(container_of(task, struct worker, submitting));
}

void worker_submit(struct worker *worker, struct pending_write *pending)
{
    pending->worker = worker;
    pending->write.user = pending;
    pending->write.next = NULL;
    if (worker->submitted == NULL) {
        worker->submitted_end = &worker->submitted;
        worker->submitting.run = end_turn;
        loop_defer(worker->loop, &worker->submitting);
    }
    *worker->submitted_end = &pending->write;
    worker->submitted_end = &pending->write.next;
}
