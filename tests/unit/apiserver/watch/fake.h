/*
 * fake - what the watch cache stands on, made to be looked into: a loop that turns when told,
 * streams that write into memory and can be stalled, and views short enough to read in a test.
 *
 *   loop_*, http_*       defined here instead of in the transport: time is a number, no sockets
 *   view_write_*, kind_* defined here instead of in the registry: an object is "name=label@rev",
 * and "name@rev" to a projection, whatever it is
 *
 * What a watch was sent reads as "ADDED a=1@5 MODIFIED a=2@7 BOOKMARK @9 ". Include it once.
 */
#ifndef TIDEWATCH_TESTS_UNIT_APISERVER_WATCH_FAKE_H
#define TIDEWATCH_TESTS_UNIT_APISERVER_WATCH_FAKE_H

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "apiserver/watch/history.h"
#include "apiserver/watch/internal.h"
#include "base/buf.h"
#include "codec/object.h"

/* ---- the loop ---- */

enum { FAKE_TIMERS_MAX = 20000 };

struct loop {
    uint64_t now_ms;
    struct loop_task *deferred;
    struct loop_timer *timers[FAKE_TIMERS_MAX];
    size_t timer_count;
    struct list streams;
    bool prompt;          /* streams take a write_now() at once */
    pthread_mutex_t lock; /* of posted */
    pthread_cond_t posting;
    struct loop_task *posted;
};

static struct loop_task deferred_end;

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->next != NULL)
        return;
    task->next = loop->deferred;
    loop->deferred = task;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    struct loop_task **end;

    pthread_mutex_lock(&loop->lock);
    for (end = &loop->posted; *end != NULL; end = &(*end)->next)
        ;
    *end = task;
    task->next = NULL;
    pthread_cond_signal(&loop->posting);
    pthread_mutex_unlock(&loop->lock);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->heap_at == 0)
        return;
    loop->timers[timer->heap_at - 1] = loop->timers[--loop->timer_count];
    loop->timers[timer->heap_at - 1]->heap_at = timer->heap_at;
    timer->heap_at = 0;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
    loop_timer_stop(loop, timer);
    CHECK(loop->timer_count < FAKE_TIMERS_MAX);
    loop->timers[loop->timer_count++] = timer;
    timer->heap_at = loop->timer_count;
    timer->at_ms = loop->now_ms + delay_ms;
}

static inline void fake_loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof(*loop));
    loop->now_ms = 1000;
    loop->deferred = &deferred_end;
    list_init(&loop->streams);
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->posting, NULL);
}

/* ---- streams ---- */

/* One watch as its client sees it: the request, then the stream. */
struct fake_watch {
    struct http_request req;
    struct arena arena;
    int status; /* of a plain reply */
    struct http_stream {
        struct list link; /* in the loop's streams, until it ends */
        const struct http_stream_handler *handler;
        void *user;
        struct loop *loop;
        bool ready, stalled, ended, aborted;
        int gone_in_write; /* on_gone() strikes inside the n-th write from now */
        size_t writes, most_frames;
        struct bytes content_type;
        struct buf text;
    } stream;
};

void http_reply(struct http_request *req, const struct http_response *response)
{
    container_of(req, struct fake_watch, req)->status = response->status;
}

struct http_stream *http_start_stream(struct http_request *req, const struct http_response *head,
                                      const struct http_stream_handler *handler, void *user)
{
    struct http_stream *stream = &container_of(req, struct fake_watch, req)->stream;

    stream->handler = handler;
    stream->user = user;
    stream->loop = req->loop;
    for (size_t i = 0; i < head->header_count; i++)
        if (bytes_eq_str(head->headers[i].name, "content-type"))
            stream->content_type = head->headers[i].value;
    list_append(&req->loop->streams, &stream->link);
    return stream;
}

bool http_stream_ready(const struct http_stream *stream)
{
    return stream->ready;
}

void http_stream_write(struct http_stream *stream, struct frame *const *frames, size_t count)
{
    CHECK(stream->ready && count > 0 && count <= HTTP_STREAM_WRITE_MAX);
    for (size_t i = 0; i < count; i++)
        buf_append_bytes(&stream->text, frame_payload(frames[i]));
    stream->ready = false;
    stream->writes++;
    if (count > stream->most_frames)
        stream->most_frames = count;
    if (stream->gone_in_write > 0 && --stream->gone_in_write == 0) {
        list_remove(&stream->link);
        stream->handler->on_gone(stream->user);
    }
}

void http_stream_write_now(struct http_stream *stream, struct frame *const *frames, size_t count)
{
    http_stream_write(stream, frames, count);
    if (!stream->loop->prompt || stream->stalled || !list_linked(&stream->link))
        return;
    stream->ready = true;
    stream->handler->on_ready(stream->user);
}

void http_stream_end(struct http_stream *stream)
{
    CHECK(list_linked(&stream->link) && !stream->ended && !stream->aborted);
    stream->ended = true;
    list_remove(&stream->link);
}

void http_stream_abort(struct http_stream *stream)
{
    CHECK(list_linked(&stream->link) && !stream->ended && !stream->aborted);
    stream->aborted = true;
    list_remove(&stream->link);
}

static inline void fake_client_leaves(struct fake_watch *watch)
{
    list_remove(&watch->stream.link);
    watch->stream.handler->on_gone(watch->stream.user);
}

/* ---- turns ---- */

static inline bool fire_timer(struct loop *loop)
{
    for (size_t i = 0; i < loop->timer_count; i++) {
        struct loop_timer *timer = loop->timers[i];

        if (timer->at_ms <= loop->now_ms) {
            loop_timer_stop(loop, timer);
            timer->on_fire(timer);
            return true;
        }
    }
    return false;
}

static inline bool run_posted(struct loop *loop)
{
    struct loop_task *task;

    pthread_mutex_lock(&loop->lock);
    task = loop->posted;
    if (task != NULL)
        loop->posted = task->next;
    pthread_mutex_unlock(&loop->lock);
    if (task == NULL)
        return false;
    task->next = NULL;
    task->run(task);
    return true;
}

static inline bool make_streams_ready(struct loop *loop)
{
    bool any = false;

    list_for_each(&loop->streams, link) {
        struct http_stream *stream = list_entry(link, struct http_stream, link);

        if (!stream->ready && !stream->stalled) {
            stream->ready = true;
            stream->handler->on_ready(stream->user);
            any = true;
        }
    }
    return any;
}

/* One turn; false: there was nothing to do. */
static inline bool fake_turn(struct loop *loop)
{
    bool any = false;
    struct loop_task *task;

    while (fire_timer(loop))
        any = true;
    any |= make_streams_ready(loop);
    while (run_posted(loop))
        any = true;
    task = loop->deferred;
    loop->deferred = &deferred_end;
    while (task != &deferred_end) {
        struct loop_task *next = task->next;

        task->next = NULL;
        task->run(task);
        task = next;
        any = true;
    }
    return any;
}

/* Turns until nothing is left to do on the loop. */
static inline void fake_settle(struct loop *loop)
{
    int turns = 0;

    while (fake_turn(loop))
        CHECK(++turns < 100000);
}

/* Waits (bounded) until another thread has posted something. */
static inline bool fake_wait_for_post(struct loop *loop)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&loop->lock);
    while (loop->posted == NULL && rc == 0)
        rc = pthread_cond_timedwait(&loop->posting, &loop->lock, &until);
    pthread_mutex_unlock(&loop->lock);
    return rc == 0;
}

static inline void fake_advance(struct loop *loop, uint64_t ms)
{
    for (; ms > 0; ms--) {
        loop->now_ms++;
        fake_settle(loop);
    }
}

/* ---- kinds and views ---- */

static const struct object_field fake_fields[] = {{"status.phase", "status.phase", ""}};
static const struct column fake_columns[] = {{.name = "Name", .type = "string"}};
static const struct kind fake_maps = {
    .version = "v1",
    .kind = "ConfigMap",
    .plural = "configmaps",
    .api_version = "v1",
    .prefix = "core/configmaps/",
    .fields = fake_fields,
    .field_count = 1,
    .columns = fake_columns,
    .column_count = 1,
    .namespaced = true,
};
static const struct kind fake_nodes = {.version = "v1",
                                       .kind = "Node",
                                       .plural = "nodes",
                                       .api_version = "v1",
                                       .prefix = "core/nodes/"};
static _Atomic int fake_kind_refs;
static _Atomic int fake_encodes;

const struct kind *kind_ref(const struct kind *kind)
{
    fake_kind_refs++;
    return kind;
}

void kind_unref(const struct kind *kind)
{
    fake_kind_refs -= kind != NULL;
}

bool kind_matches_fields(const struct kind *kind, const struct object *object,
                         const struct field_selector *selector)
{
    return object_matches_fields(object, selector, kind->fields, kind->field_count);
}

void view_write_event_object(struct buf *out, const struct kind *kind, struct view view,
                             const struct object *object, uint64_t rev, bool with_columns)
{
    struct object *indexed = NULL;

    (void)kind;
    fake_encodes++;
    if (object->name.len == 0 && view.shape == VIEW_OBJECT) { /* its image alone: it will do */
        CHECK(object_load(value_bytes(&object->base), object->base.rev, fake_fields, 1, &indexed,
                          NULL) == STATUS_OK);
        object = indexed;
    }
    buf_append_str(out, view.shape == VIEW_TABLE ? "row:" : "");
    buf_append_bytes(out, object->name);
    for (size_t i = 0; i < object->label_count && view.projection == NULL; i++)
        buf_appendf(out, "=%.*s", BYTES_FMT(object->labels[i].value));
    buf_appendf(out, "@%llu%s", (unsigned long long)(rev != 0 ? rev : object->base.rev),
                with_columns ? "+columns" : "");
    object_unref(indexed);
}

void view_write_bookmark_object(struct buf *out, const struct kind *kind, struct view view,
                                uint64_t rev, bool initial_events_end, bool with_columns)
{
    (void)kind;
    (void)view;
    buf_appendf(out, "@%llu%s%s", (unsigned long long)rev, initial_events_end ? "!end" : "",
                with_columns ? "+columns" : "");
}

/* ---- objects and events ---- */

/* `what` is "name=label" or "name"; the label's key is "l". A label p is also status.phase. */
static inline struct object *fake_object(const char *key, const char *what, uint64_t rev)
{
    struct arena arena = {0};
    struct object *object = NULL;
    struct json *tree = NULL;
    struct bytes label = bytes_str(what), name = bytes_cut(&label, '=');
    struct bytes rest = bytes_from(bytes_str(key), resource_prefix_len(bytes_str(key)));
    size_t slash = bytes_find(rest, '/');
    struct bytes text = arena_printf(&arena,
                                     "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":"
                                     "\"%.*s\",\"namespace\":\"%.*s\""
                                     ",\"labels\":{%s%.*s%s}},\"status\":{\"phase\":\"%.*s\"}}",
                                     BYTES_FMT(name), (int)(slash < rest.len ? slash : 0), rest.ptr,
                                     label.ptr != NULL ? "\"l\":\"" : "", BYTES_FMT(label),
                                     label.ptr != NULL ? "\"" : "", BYTES_FMT(label));

    CHECK(json_parse(&arena, text, &tree, NULL, NULL) == STATUS_OK);
    CHECK(object_new(tree, fake_fields, 1, &object, NULL) == STATUS_OK);
    object->base.rev = rev;
    arena_release(&arena);
    return object;
}

/* ---- a server: a loop, a cache, and the state that events are made from ---- */

struct fake_server {
    struct loop *loop;
    struct watch_cache *cache;
    uint64_t rev;
    struct tree objects; /* key -> object, as storage would know them */
};

static inline void fake_server_init(struct fake_server *server, struct watch_cache_options options)
{
    memset(server, 0, sizeof(*server));
    server->loop = malloc(sizeof(*server->loop));
    fake_loop_init(server->loop);
    options.loop = server->loop;
    server->cache = watch_cache_new(&options);
}

static inline void fake_server_start(struct fake_server *server)
{
    fake_server_init(server, (struct watch_cache_options){.bookmark_ms = 1000});
    watch_cache_loaded(server->cache, 0);
}

static inline void fake_server_release(struct fake_server *server)
{
    struct tree_cursor cursor = tree_seek(&server->objects, BYTES(""), false);

    watch_cache_free(server->cache);
    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;) {
        object_unref(slot->value);
        free((char *)slot->key.ptr);
    }
    tree_release(&server->objects);
    CHECK_INT(server->loop->timer_count, 0);
    free(server->loop);
    CHECK_INT(fake_kind_refs, 0);
}

/* Fills `ret_event` with the next change: `what` NULL deletes. References are the event's. */
static inline void fake_change(struct fake_server *server, const char *key, const char *what,
                               struct event *ret_event)
{
    struct tree_slot *slot = tree_find(&server->objects, bytes_str(key)), removed = {0};
    struct object *prev = slot != NULL ? slot->value : NULL, *object = NULL;

    server->rev++;
    if (what != NULL) {
        object = fake_object(key, what, server->rev);
        if (slot != NULL)
            slot->value = object_ref(object);
        else
            tree_put(&server->objects, bytes_of(strdup(key), strlen(key)), object_ref(object));
    } else {
        tree_remove(&server->objects, bytes_str(key), &removed);
        free((char *)removed.key.ptr);
    }
    *ret_event = (struct event){
        .rev = server->rev,
        .type = what != NULL ? EVENT_PUT : EVENT_DELETE,
        .key = bytes_str(key),
        .value = object != NULL ? &object->base : NULL,
        .prev = prev != NULL ? &prev->base : NULL,
    };
}

static inline void fake_event_release(struct event *event)
{
    value_unref(event->value);
    value_unref(event->prev);
}

/* One commit of one change, applied, not yet pumped. */
static inline void fake_apply(struct fake_server *server, const char *key, const char *what)
{
    struct event event;
    struct watch_batch *batch;

    fake_change(server, key, what, &event);
    batch =
        watch_batch_new(&(struct batch){.events = &event, .event_count = 1, .rev = server->rev});
    fake_event_release(&event);
    watch_cache_apply(server->cache, batch);
    watch_batch_unref(batch);
}

/* The same, with all that follows on the loop. `name` is in the namespace "default" unless it says
 * another: "kube/a". */
static inline void put(struct fake_server *server, const char *what)
{
    char key[128];
    const char *name = strchr(what, '/');

    name = name != NULL ? name + 1 : what;
    snprintf(key, sizeof(key), "core/configmaps/%s%.*s", name == what ? "default/" : "",
             (int)strcspn(what, "="), what);
    fake_apply(server, key, name);
    fake_settle(server->loop);
}

static inline void del(struct fake_server *server, const char *name)
{
    char key[128];

    snprintf(key, sizeof(key), "core/configmaps/%s%s", strchr(name, '/') ? "" : "default/", name);
    fake_apply(server, key, NULL);
    fake_settle(server->loop);
}

/* ---- watches ---- */

static inline void fake_watch_begin(struct fake_server *server, struct fake_watch *watch,
                                    struct watch_spec spec)
{
    memset(watch, 0, sizeof(*watch));
    watch->req.loop = server->loop;
    watch->req.arena = &watch->arena;
    if (spec.kind == NULL)
        spec.kind = &fake_maps;
    watcher_start(server->cache, &watch->req, &spec, NULL, 0);
}

static inline void fake_watch_start(struct fake_server *server, struct fake_watch *watch,
                                    struct watch_spec spec)
{
    fake_watch_begin(server, watch, spec);
    fake_settle(server->loop);
}

static inline struct label_selector *labels(const char *text)
{
    struct label_selector *selector = NULL;

    CHECK(label_selector_parse(bytes_str(text), &selector, NULL) == STATUS_OK);
    return selector;
}

static inline struct field_selector *fields(const char *text)
{
    struct field_selector *selector = NULL;

    CHECK(field_selector_parse(bytes_str(text), &selector, NULL) == STATUS_OK);
    return selector;
}

/* What was sent since the last look, in short: "ADDED a=1@5 BOOKMARK @6 ". */
static inline struct bytes seen(struct fake_watch *watch)
{
    static char texts[8][4096];
    static int next;
    char *text = texts[next++ % 8];
    size_t len = 0;
    struct bytes rest = buf_bytes(&watch->stream.text);

    while (rest.len > 0) {
        struct bytes line = bytes_cut(&rest, '\n');

        CHECK(bytes_starts_with(line, BYTES("{\"type\":\"")) && bytes_ends_with(line, BYTES("}")));
        line = bytes_of(line.ptr + 9, line.len - 10);
        struct bytes type = bytes_cut(&line, '"');
        CHECK(bytes_starts_with(line, BYTES(",\"object\":")));
        line = bytes_from(line, 10);
        len += (size_t)snprintf(text + len, sizeof(texts[0]) - len, "%.*s %.*s ", BYTES_FMT(type),
                                BYTES_FMT(line));
        CHECK(len < sizeof(texts[0]));
    }
    watch->stream.text.len = 0;
    return bytes_of(text, len);
}
#define CHECK_SEEN(watch, expected) CHECK_TEXT(seen(watch), expected)

static inline void fake_watch_release(struct fake_watch *watch)
{
    if (list_linked(&watch->stream.link))
        fake_client_leaves(watch);
    buf_release(&watch->stream.text);
    arena_release(&watch->arena);
}

#endif
