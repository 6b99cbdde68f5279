#include <tidewatch/recorder.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/object.h"
#include "client-go-like/recorder/correlator.h"
#include "client-go-like/wait.h"

enum {
    QUEUE_MAX = 1000, /* CG tools/record/event.go, maxQueuedEvents */
    TRIES_MAX = 12,
    RETRY_MS = 10 * 1000,
    MESSAGE_MAX = 1024, /* what the server takes */
};

/* One event on its way: its texts, which `at` points into. */
struct pending {
    struct list link;
    struct event_text at;
    const char *resource_version;
    int64_t wall_us;
    char texts[];
};

struct tw_recorder {
    tw_client *client;
    char *component, *host;
    pthread_t thread;
    bool running;
    struct correlator correlator; /* the thread's */
    struct correlated correlated; /* too */
    pthread_mutex_t lock;         /* what follows */
    pthread_cond_t changed;
    struct list queue;
    bool stop, busy;
    tw_recorder_status status;
};

static const tw_resource events = {"", "v1", "events", "Event", true};

/* ---- recording ---- */

static size_t message_len(const char *message)
{
    size_t len = strnlen(message, MESSAGE_MAX + 1);

    if (len <= MESSAGE_MAX)
        return len;
    for (len = MESSAGE_MAX; len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80;)
        len--; /* not inside a character */
    return len;
}

static struct pending *new_pending(const tw_recorder *r, const tw_object *object, const char *type,
                                   const char *reason, const char *message)
{
    const char *resource_version = tw_object_resource_version(object);
    struct event_text from = {
        .component = r->component,
        .host = r->host,
        .kind = tw_object_kind(object),
        .ns = tw_object_namespace(object),
        .name = tw_object_name(object),
        .uid = tw_object_uid(object),
        .api_version = tw_object_api_version(object),
        .type = type,
        .reason = reason,
    };
    size_t cut = message_len(message);
    size_t len = strlen(from.kind) + strlen(from.ns) + strlen(from.name) + strlen(from.uid) +
                 strlen(from.api_version) + strlen(type) + strlen(reason) +
                 strlen(resource_version) + cut + 9;
    struct pending *pending = malloc(sizeof(*pending) + len);
    char *to;

    if (pending == NULL)
        return NULL;
    *pending = (struct pending){.at = from, .wall_us = clock_wall_us()};
    const char **copied[] = {&pending->at.kind,  &pending->at.ns,          &pending->at.name,
                             &pending->at.uid,   &pending->at.api_version, &pending->at.type,
                             &pending->at.reason};
    to = pending->texts;
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        char *end = stpcpy(to, *copied[i]);

        *copied[i] = to;
        to = end + 1;
    }
    pending->resource_version = to;
    to = stpcpy(to, resource_version) + 1;
    pending->at.message = to;
    memcpy(to, message, cut);
    to[cut] = '\0';
    return pending;
}

tw_status tw_recorder_event(tw_recorder *r, const tw_object *object, const char *type,
                            const char *reason, const char *message)
{
    struct pending *pending = new_pending(r, object, type, reason, message);
    tw_status st = pending != NULL ? TW_OK : TW_ERR_NO_MEMORY;

    pthread_mutex_lock(&r->lock);
    if (st == TW_OK && (r->stop || r->status.queued == QUEUE_MAX))
        st = TW_ERR_STOPPED;
    if (st == TW_OK) {
        list_append(&r->queue, &pending->link);
        r->status.queued++;
        pthread_cond_broadcast(&r->changed);
    } else {
        r->status.dropped++;
    }
    pthread_mutex_unlock(&r->lock);
    if (st != TW_OK)
        free(pending);
    return st;
}

/* ---- sending ---- */

static const char *namespace_of(const struct pending *p)
{
    return *p->at.ns != '\0' ? p->at.ns : "default";
}

static void set_text(struct arena *arena, struct json *object, const char *key, const char *text)
{
    if (*text != '\0')
        json_set_text(arena, object, key, bytes_str(text));
}

static struct json *set_times(struct arena *arena, struct json *event, const struct pending *p,
                              const struct correlated *as)
{
    char *last = arena_alloc(arena, RFC3339_LEN + 1);

    if (last == NULL)
        return event;
    rfc3339_format(p->wall_us / 1000000, last);
    json_set_text(arena, event, "lastTimestamp", bytes_str(last));
    json_set(event, BYTES("count"), json_new_int(arena, (int64_t)as->count));
    json_set_text(arena, event, "message", as->text);
    return event;
}

static struct json *whole_event(struct arena *arena, const struct pending *p,
                                const struct correlated *as)
{
    struct json *event = json_new_object(arena), *part;
    char *first = arena_alloc(arena, RFC3339_LEN + 1);

    if (first == NULL)
        return event;
    rfc3339_format(as->first_s, first);
    set_text(arena, event, "apiVersion", "v1");
    set_text(arena, event, "kind", "Event");
    part = json_ensure_object(arena, event, "metadata");
    set_text(arena, part, "name", as->name);
    set_text(arena, part, "namespace", namespace_of(p));
    part = json_ensure_object(arena, event, "involvedObject");
    set_text(arena, part, "apiVersion", p->at.api_version);
    set_text(arena, part, "kind", p->at.kind);
    set_text(arena, part, "namespace", p->at.ns);
    set_text(arena, part, "name", p->at.name);
    set_text(arena, part, "uid", p->at.uid);
    set_text(arena, part, "resourceVersion", p->resource_version);
    part = json_ensure_object(arena, event, "source");
    set_text(arena, part, "component", p->at.component);
    set_text(arena, part, "host", p->at.host);
    set_text(arena, event, "type", p->at.type);
    set_text(arena, event, "reason", p->at.reason);
    set_text(arena, event, "firstTimestamp", first);
    set_text(arena, event, "reportingComponent", p->at.component);
    set_text(arena, event, "reportingInstance", p->at.host);
    return set_times(arena, event, p, as);
}

static tw_status create(tw_recorder *r, const struct pending *p, const struct correlated *as,
                        tw_error **reterr)
{
    struct arena arena = {0};
    struct json *tree = whole_event(&arena, p, as);
    struct buf text = {0};
    tw_object *event = NULL;
    tw_status st;

    json_write(&text, tree, false);
    st = arena.failed || text.failed ? tw_fail_no_memory(reterr)
                                     : tw_object_from_json(text.data, text.len, &event, reterr);
    if (st == TW_OK)
        st = tw_create(r->client, &events, namespace_of(p), event, NULL, reterr);
    tw_object_unref(event);
    buf_release(&text);
    arena_release(&arena);
    return st;
}

static tw_status patch(tw_recorder *r, const struct pending *p, const struct correlated *as,
                       tw_error **reterr)
{
    struct arena arena = {0};
    struct json *tree = set_times(&arena, json_new_object(&arena), p, as);
    struct buf text = {0};
    tw_status st;

    json_write(&text, tree, false);
    st = arena.failed || text.failed
             ? tw_fail_no_memory(reterr)
             : tw_patch(r->client, &events, namespace_of(p), as->name, TW_PATCH_STRATEGIC,
                        text.data, text.len, NULL, reterr);
    buf_release(&text);
    arena_release(&arena);
    return st;
}

/* Created, or counted where it was created before; created anew if that is gone. */
static tw_status send_once(tw_recorder *r, const struct pending *p, const struct correlated *as,
                           uint64_t **ret_counter, tw_error **reterr)
{
    tw_status st = TW_ERR_SERVER;

    *ret_counter = &r->status.patched;
    if (as->verdict == EVENT_PATCH)
        st = patch(r, p, as, reterr);
    if (as->verdict == EVENT_PATCH && (st != TW_ERR_SERVER || tw_error_code(*reterr) != 404))
        return st;
    tw_error_clear(reterr);
    *ret_counter = &r->status.created;
    return create(r, p, as, reterr);
}

static bool pause_or_stop(tw_recorder *r, unsigned pause_ms)
{
    uint64_t until_ms = wait_deadline(pause_ms);
    bool in_time = true, stopped;

    pthread_mutex_lock(&r->lock);
    while (!r->stop && in_time)
        in_time = wait_until(&r->changed, &r->lock, until_ms);
    stopped = r->stop;
    pthread_mutex_unlock(&r->lock);
    return !stopped;
}

/* What a server refused is not asked again; what did not reach it is. */
static uint64_t *deliver(tw_recorder *r, const struct pending *p, const struct correlated *as)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        uint64_t *counter = NULL;
        tw_error *error = NULL;
        tw_status st = send_once(r, p, as, &counter, &error);

        tw_error_free(error);
        if (st == TW_OK)
            return counter;
        if (st == TW_ERR_SERVER || st == TW_ERR_NO_MEMORY)
            break;
        /* The first wait is of any length, so that many who lost one server do not return at once.
         */
        if (!pause_or_stop(r, tries == 0 ? (unsigned)rand_below(RETRY_MS) : RETRY_MS))
            break;
    }
    return &r->status.dropped;
}

static uint64_t *handle(tw_recorder *r, struct pending *p)
{
    char *name = NULL;
    bool seen;

    if (asprintf(&name, "%s.%llx", p->at.name, (unsigned long long)p->wall_us * 1000) < 0)
        return &r->status.dropped;
    seen = correlator_see(&r->correlator, &p->at, clock_monotonic_ms(), p->wall_us / 1000000, name,
                          &r->correlated);
    free(name);
    if (!seen)
        return &r->status.dropped;
    return r->correlated.verdict == EVENT_SKIP ? &r->status.spam : deliver(r, p, &r->correlated);
}

static struct pending *take_locked(tw_recorder *r)
{
    struct pending *pending = list_entry(r->queue.next, struct pending, link);

    list_remove(&pending->link);
    r->status.queued--;
    return pending;
}

static void *run(void *user)
{
    tw_recorder *r = user;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        struct pending *pending;
        uint64_t *counter;

        if (list_empty(&r->queue)) {
            wait_until(&r->changed, &r->lock, WAIT_FOR_EVER);
            continue;
        }
        pending = take_locked(r);
        r->busy = true;
        pthread_mutex_unlock(&r->lock);
        counter = handle(r, pending);
        free(pending);
        pthread_mutex_lock(&r->lock);
        ++*counter;
        r->busy = false;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- life ---- */

static tw_status start(tw_recorder *r, tw_error **reterr)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->running = rc == 0;
    return r->running ? TW_OK : tw_fail(reterr, TW_ERR_NO_MEMORY, "cannot start a thread");
}

tw_status tw_recorder_new(tw_client *client, const char *component, const char *host,
                          tw_recorder **ret_recorder, tw_error **reterr)
{
    tw_recorder *r = calloc(1, sizeof(*r));
    tw_status st;

    if (r == NULL)
        return tw_fail_no_memory(reterr);
    r->client = tw_client_ref(client);
    pthread_mutex_init(&r->lock, NULL);
    wait_init(&r->changed);
    list_init(&r->queue);
    r->component = strdup(component);
    r->host = strdup(host != NULL ? host : "");
    st = r->component != NULL && r->host != NULL ? start(r, reterr) : tw_fail_no_memory(reterr);
    if (st == TW_OK)
        *ret_recorder = r;
    else
        tw_recorder_free(r);
    return st;
}

void tw_recorder_free(tw_recorder *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->running)
        pthread_join(r->thread, NULL);
    while (!list_empty(&r->queue))
        free(take_locked(r));
    correlator_release(&r->correlator);
    buf_release(&r->correlated.message);
    tw_client_unref(r->client);
    free(r->component);
    free(r->host);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

tw_status tw_recorder_flush(tw_recorder *r, unsigned timeout_ms)
{
    uint64_t until_ms = wait_deadline(timeout_ms);
    bool in_time = true, empty;

    pthread_mutex_lock(&r->lock);
    while ((r->busy || !list_empty(&r->queue)) && in_time)
        in_time = wait_until(&r->changed, &r->lock, until_ms);
    empty = !r->busy && list_empty(&r->queue);
    pthread_mutex_unlock(&r->lock);
    return empty ? TW_OK : TW_ERR_TIMEOUT;
}

void tw_recorder_get_status(tw_recorder *r, tw_recorder_status *ret_status)
{
    pthread_mutex_lock(&r->lock);
    *ret_status = r->status;
    pthread_mutex_unlock(&r->lock);
}
