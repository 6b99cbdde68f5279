/*
 * harness - a whole worker in a test: a real loop, registry, watch cache and store (in memory), and
 * an HTTP engine that hands a request in and keeps the answer.
 *
 *   struct harness h;
 *   harness_start(&h);
 *   CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/default/configmaps", "{..}"), 201);
 *   CHECK_TEXT(field(&h, "metadata.name"), "a");
 *   harness_stop(&h);
 *
 * Include it once, in the one .c file of a test program.
 */
#ifndef TIDEWATCH_TESTS_UNIT_APISERVER_HANDLERS_HARNESS_H
#define TIDEWATCH_TESTS_UNIT_APISERVER_HANDLERS_HARNESS_H

#define H2O_USE_LIBUV 0

#include <stdlib.h>

#include "apiserver/handlers/flight.h"
#include "apiserver/handlers/lifecycle.h"
#include "apiserver/handlers/metrics.h"
#include "apiserver/transport/server.h"
#include "codec/json.h"

#define CM "/api/v1/namespaces/default/configmaps"

struct harness {
    struct worker worker;
    struct server_info info;
    struct history *history;
    struct loop_timer deadline;
    bool ready;
    /* the last answer */
    struct arena arena;
    struct json *answer; /* NULL: no JSON */
    struct bytes text, warning;
    struct bytes headers; /* "name: value\n", all of them */
    int code;
    struct bytes peer; /* of the next request; empty: "test" */
    /* every event since the start, "PUT key\n" */
    struct buf events;
    struct loop_task last_task;
};

/* A request in flight. */
struct call {
    struct request request; /* first */
    struct harness *harness;
    struct http_header headers[3];
    struct arena arena;
    bool answered, awaited;
    int code;
    struct bytes body, warning;
    struct buf head;
};

/* ---- from the writer to the loop ---- */

struct harness_delivery {
    struct loop_task task;
    struct harness *harness;
    struct watch_batch *batch;
    struct write *writes;
};

static inline void harness_deliver(struct loop_task *task)
{
    struct harness_delivery *delivery = container_of(task, struct harness_delivery, task);
    struct write *write = delivery->writes;

    watch_cache_apply(delivery->harness->worker.cache, delivery->batch);
    while (write != NULL) {
        struct write *next = write->next;
        struct pending_write *pending = write->user;

        pending->on_done(pending);
        write = next;
    }
    worker_resume_waiting(&delivery->harness->worker);
    watch_batch_unref(delivery->batch);
    free(delivery);
}

static inline void harness_on_batch(void *user, const struct batch *batch)
{
    struct harness_delivery *delivery = calloc(1, sizeof(*delivery));

    delivery->task.run = harness_deliver;
    delivery->harness = user;
    delivery->batch = watch_batch_new(batch);
    delivery->writes = batch->writes;
    loop_post(delivery->harness->worker.loop, &delivery->task);
}

static inline void harness_on_event(void *user, const struct event *event)
{
    static const struct bytes crds = BYTES_INIT("apiextensions.k8s.io/customresourcedefinitions/");
    struct harness *h = user;

    buf_appendf(&h->events, "%s %.*s\n", event->type == EVENT_PUT ? "PUT" : "DELETE",
                BYTES_FMT(event->key));
    if (bytes_starts_with(event->key, crds)) {
        if (event->type == EVENT_PUT)
            CHECK(registry_put_crd(h->worker.registry, object_of(event->value)));
        else
            registry_remove_crd(h->worker.registry, bytes_from(event->key, crds.len));
    }
    if (h->worker.lifecycle != NULL)
        lifecycle_on_event(h->worker.lifecycle, event);
}

/* ---- the HTTP engine ---- */

static inline void call_reply(struct request *request, const struct http_response *response)
{
    struct call *call = (struct call *)request;

    call->code = response->status;
    if (response->body != NULL)
        call->body = arena_dup(&call->arena, blob_bytes(response->body));
    for (size_t i = 0; i < response->header_count; i++)
        buf_appendf(&call->head, "%.*s: %.*s\n", BYTES_FMT(response->headers[i].name),
                    BYTES_FMT(response->headers[i].value));
    for (size_t i = 0; i < response->header_count; i++)
        if (bytes_eq_str(response->headers[i].name, "warning"))
            call->warning = arena_dup(&call->arena, response->headers[i].value);
    call->answered = true;
    if (call->awaited)
        loop_stop(call->harness->worker.loop);
}

static inline struct http_stream *call_start_stream(struct request *request,
                                                    const struct http_response *head,
                                                    const struct http_stream_handler *watcher,
                                                    void *user)
{
    (void)request, (void)head, (void)watcher, (void)user;
    fail_msg("no streams here");
    return NULL;
}

static const struct http_engine_ops call_ops = {call_reply, call_start_stream};

/* Hands a request in. The body is copied, and poisoned once the request is gone. */
static inline struct call *call_begin_with(struct harness *h, const char *method,
                                           const char *target, const char *content_type,
                                           struct bytes body, const struct http_header *more,
                                           size_t more_count)
{
    struct call *call = calloc(1, sizeof(*call));
    struct http_request *req = &call->request.pub;

    call->harness = h;
    req->loop = h->worker.loop;
    req->arena = &call->request.arena;
    req->version = HTTP_1_1;
    req->method = arena_dup(req->arena, bytes_str(method));
    req->target = arena_dup(req->arena, bytes_str(target));
    req->body = arena_dup(req->arena, body);
    req->peer = h->peer.len != 0 ? h->peer : BYTES("test");
    req->headers = call->headers;
    req->ops = &call_ops;
    if (content_type != NULL)
        call->headers[req->header_count++] =
            (struct http_header){BYTES("content-type"), bytes_str(content_type)};
    for (size_t i = 0; i < more_count; i++)
        call->headers[req->header_count++] = more[i];
    api_on_request(&h->worker, req);
    return call;
}

static inline struct call *call_begin(struct harness *h, const char *method, const char *target,
                                      const char *content_type, struct bytes body)
{
    return call_begin_with(h, method, target, content_type, body, NULL, 0);
}

static inline void harness_overdue(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("nothing happened for ten seconds");
}

static inline void run_loop(struct harness *h)
{
    h->deadline.on_fire = harness_overdue;
    loop_timer_start(h->worker.loop, &h->deadline, 10000);
    loop_run(h->worker.loop);
    loop_timer_stop(h->worker.loop, &h->deadline);
}

/* The client hangs up: what it sent is not there any more. */
static inline void call_hang_up(struct call *call)
{
    struct http_request *req = &call->request.pub;

    CHECK(!call->answered);
    req->on_gone(req);
    arena_release(&call->request.arena);
}

static inline void call_free(struct call *call)
{
    arena_release(&call->request.arena);
    arena_release(&call->arena);
    buf_release(&call->head);
    free(call);
}

/* Waits for the answer and keeps it in the harness; frees the call. */
static inline int call_end(struct call *call)
{
    struct harness *h = call->harness;

    call->awaited = true;
    if (!call->answered)
        run_loop(h);
    arena_release(&h->arena);
    h->code = call->code;
    h->text = arena_dup(&h->arena, call->body);
    h->warning = arena_dup(&h->arena, call->warning);
    h->headers = arena_dup(&h->arena, buf_bytes(&call->head));
    h->answer = NULL;
    if (json_parse(&h->arena, h->text, &h->answer, NULL, NULL) != STATUS_OK)
        h->answer = NULL;
    call_free(call);
    return h->code;
}

static inline int ask_as(struct harness *h, const char *method, const char *target,
                         const char *content_type, const char *body)
{
    return call_end(
        call_begin(h, method, target, content_type, bytes_str(body != NULL ? body : "")));
}

static inline int ask(struct harness *h, const char *method, const char *target, const char *body)
{
    return ask_as(h, method, target, NULL, body);
}

/* A GET with a header or two. */
static inline int get_with(struct harness *h, const char *target, const char *name,
                           const char *value)
{
    struct http_header header = {bytes_str(name), bytes_str(value)};

    return call_end(call_begin_with(h, "GET", target, NULL, BYTES(""), &header, 1));
}

/* ---- looking at the answer ---- */

/* The first header of that name; empty if there is none. Lives as long as the harness. */
static inline struct bytes header_of(const struct harness *h, const char *name)
{
    struct bytes rest = h->headers;

    while (rest.len != 0) {
        struct bytes value = bytes_cut(&rest, '\n'), found = bytes_cut(&value, ':');

        if (bytes_eq_str(found, name))
            return bytes_trim(value);
    }
    return BYTES("");
}

/* The node at a dotted path of the last answer; numbers index lists. */
static inline const struct json *node_at(const struct harness *h, const char *path)
{
    const struct json *node = h->answer;
    struct bytes rest = bytes_str(path);

    while (node != NULL && rest.len != 0) {
        struct bytes name = bytes_cut(&rest, '.');
        uint64_t index;

        node = node->type == JSON_ARRAY && bytes_to_u64(name, &index) ? json_index(node, index)
                                                                      : json_get(node, name);
    }
    return node;
}

/* The text, or number as written, at a path; empty if absent. */
static inline struct bytes field(const struct harness *h, const char *path)
{
    const struct json *node = node_at(h, path);

    if (node == NULL || (node->type != JSON_STRING && node->type != JSON_NUMBER))
        return BYTES("");
    return node->text;
}

static inline bool contains(struct bytes text, const char *part)
{
    return text.ptr != NULL && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static inline uint64_t answer_rev(const struct harness *h)
{
    uint64_t rev = 0;

    CHECK(bytes_to_u64(field(h, "metadata.resourceVersion"), &rev));
    return rev;
}

/* Turns the loop until `key` is gone from the cache. */
struct harness_wait {
    struct loop_timer timer;
    struct harness *harness;
    struct bytes key;
};

static inline void look_whether_gone(struct loop_timer *timer)
{
    struct harness_wait *wait = container_of(timer, struct harness_wait, timer);

    if (watch_cache_get(wait->harness->worker.cache, wait->key) == NULL)
        loop_stop(wait->harness->worker.loop);
    else
        loop_timer_start(wait->harness->worker.loop, timer, 1);
}

static inline void wait_until_gone(struct harness *h, const char *key)
{
    struct harness_wait wait = {{.on_fire = look_whether_gone}, h, bytes_str(key)};

    loop_timer_start(h->worker.loop, &wait.timer, 0);
    run_loop(h);
}

/* ---- the life of a harness ---- */

static inline void harness_ready(void *user)
{
    struct harness *h = user;

    h->ready = true;
    loop_stop(h->worker.loop);
}

static inline void harness_start(struct harness *h)
{
    struct storage_options options = {
        .backend = "memory", .history_age_s = 3600, .on_batch = harness_on_batch, .user = h};
    struct worker *w = &h->worker;

    memset(h, 0, sizeof(*h));
    CHECK_INT(storage_open(&options, &w->storage, NULL), STATUS_OK);
    CHECK_INT(storage_start(w->storage, NULL), STATUS_OK);
    list_init(&w->waiting);
    w->loop = loop_new();
    w->registry = registry_new();
    w->metrics = metrics_new();
    w->history = h->history = history_new(w->storage, 1);
    w->info = &h->info;
    h->info.workers = w;
    h->info.worker_count = 1;
    h->info.storage = w->storage;
    w->cache = watch_cache_new(&(struct watch_cache_options){
        .loop = w->loop, .storage = w->storage, .history = w->history});
    watch_cache_loaded(w->cache, 0);
    watch_cache_listen(w->cache, harness_on_event, h);
    w->lifecycle = lifecycle_new(w, harness_ready, h);
    if (!h->ready)
        run_loop(h);
}

static inline void harness_last_task(struct loop_task *task)
{
    loop_stop(container_of(task, struct harness, last_task)->worker.loop);
}

/* As a server ends: what storage answered last is still delivered, nothing new is sent. */
static inline void harness_stop(struct harness *h)
{
    struct worker *w = &h->worker;

    worker_submit_all(w);
    history_free(h->history);
    storage_close(w->storage);
    w->storage = NULL;
    h->last_task.run = harness_last_task;
    loop_post(w->loop, &h->last_task);
    run_loop(h);
    lifecycle_free(w->lifecycle);
    flight_free(w->flight);
    loop_free(w->loop);
    watch_cache_free(w->cache);
    registry_free(w->registry);
    metrics_free(w->metrics);
    arena_release(&h->arena);
    buf_release(&h->events);
}

#endif
