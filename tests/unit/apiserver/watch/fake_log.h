/*
 * fake_log - a log on disk behind the fake server, that can be compacted and held up; what it reads
 * is read on real history threads. Include it once, instead of fake.h.
 */
#ifndef TIDEWATCH_TESTS_UNIT_APISERVER_WATCH_FAKE_LOG_H
#define TIDEWATCH_TESTS_UNIT_APISERVER_WATCH_FAKE_LOG_H

#include "apiserver/watch/mux_parts.h"
#include "unit/apiserver/watch/fake.h"

/* ---- a log that can be compacted and held up ---- */

enum { LOG_MAX = 20000, PIECE_MAX = 200 };

struct storage {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool held; /* reads wait */
    struct event events[LOG_MAX];
    size_t count;
    uint64_t floor;
    enum status failing;
    size_t reads;
    const struct tree *state; /* for storage_read_at(): key -> object; NULL: it fails */
};

static struct storage the_log;

uint64_t storage_floor(const struct storage *storage)
{
    return storage->floor;
}

/* As the log does: without what was replaced, if that is not asked for. */
static inline struct event as_asked(const struct event *logged, const struct events_asked *asked)
{
    struct event event = *logged;

    event.has_prev = event.prev != NULL;
    if (asked->no_prev && event.type == EVENT_PUT)
        event.prev = NULL;
    return event;
}

enum status storage_read_events(struct storage *storage, uint64_t after_rev,
                                const struct events_asked *asked,
                                bool (*each)(void *user, const struct event *event), void *user,
                                uint64_t *ret_upto, struct error *reterr)
{
    enum status st = STATUS_OK;

    (void)reterr;
    pthread_mutex_lock(&storage->lock);
    while (storage->held)
        pthread_cond_wait(&storage->opened, &storage->lock);
    storage->reads++;
    if (storage->failing != STATUS_OK)
        st = storage->failing;
    else if (after_rev < storage->floor)
        st = STATUS_EXPIRED;
    for (size_t at = after_rev, end = at + PIECE_MAX; st == STATUS_OK; at++) {
        struct event event;

        *ret_upto = at;
        if (at >= storage->count || at == end)
            break;
        event = as_asked(&storage->events[at], asked);
        if (bytes_starts_with(event.key, asked->prefix) && !each(user, &event)) {
            *ret_upto = at + 1;
            break;
        }
    }
    pthread_mutex_unlock(&storage->lock);
    return st;
}

/* Of checks against the store: the whole state. */
enum status storage_read_at(struct storage *storage, uint64_t rev, struct bytes prefix,
                            struct bytes after_key,
                            bool (*each)(void *user, struct bytes key, struct value *value),
                            void *user, struct error *reterr)
{
    struct tree_cursor cursor;

    (void)rev, (void)prefix, (void)after_key, (void)reterr;
    if (storage->failing != STATUS_OK || storage->state == NULL)
        return storage->failing != STATUS_OK ? storage->failing : STATUS_INTERNAL;
    cursor = tree_seek(storage->state, BYTES(""), false);
    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;)
        each(user, slot->key, &((struct object *)slot->value)->base);
    return STATUS_OK;
}

static inline void hold(bool held)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.held = held;
    pthread_cond_broadcast(&the_log.opened);
    pthread_mutex_unlock(&the_log.lock);
}

static inline void compact(uint64_t rev)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.floor = rev;
    pthread_mutex_unlock(&the_log.lock);
}

/* ---- a server with a small window over it ---- */

static inline void start(struct fake_server *server, size_t window_events)
{
    memset(&the_log, 0, sizeof(the_log));
    pthread_mutex_init(&the_log.lock, NULL);
    pthread_cond_init(&the_log.opened, NULL);
    fake_server_init(server, (struct watch_cache_options){.storage = &the_log,
                                                          .history = history_new(&the_log, 2),
                                                          .window_events = window_events,
                                                          .bookmark_ms = 1000});
    watch_cache_loaded(server->cache, 0);
}

static inline void release(struct fake_server *server)
{
    history_free(server->cache->options.history);
    fake_server_release(server);
    for (size_t i = 0; i < the_log.count; i++) {
        fake_event_release(&the_log.events[i]);
        free((char *)the_log.events[i].key.ptr);
    }
}

/* A change that is in the log, and on its way to the loop. `what` is "name=label"; NULL: a delete.
 */
static inline struct watch_batch *log_key(struct fake_server *server, const char *key,
                                          const char *what)
{
    struct event event;
    struct watch_batch *batch;

    fake_change(server, key, what, &event);
    batch = watch_batch_new(&(struct batch){.events = &event, .event_count = 1, .rev = event.rev});
    event.key.ptr = bytes_dup(event.key);
    pthread_mutex_lock(&the_log.lock);
    CHECK(the_log.count < LOG_MAX && event.rev == the_log.count + 1);
    the_log.events[the_log.count++] = event;
    pthread_mutex_unlock(&the_log.lock);
    return batch;
}

static inline void apply_batch(struct fake_server *server, struct watch_batch *batch)
{
    watch_cache_apply(server->cache, batch);
    watch_batch_unref(batch);
}

static inline void change_key(struct fake_server *server, const char *key, const char *what)
{
    apply_batch(server, log_key(server, key, what));
}

/* The same of a ConfigMap. `path` is "namespace/name=label". */
static inline void change(struct fake_server *server, const char *path, bool deletes)
{
    char key[64];

    snprintf(key, sizeof(key), "core/configmaps/%.*s", (int)strcspn(path, "="), path);
    change_key(server, key, deletes ? NULL : strchr(path, '/') + 1);
}

static inline bool reads_are_out(const struct fake_server *server)
{
    struct resource *resource = watch_cache_resource(server->cache, BYTES("core/configmaps/"));

    list_for_each(&resource->watchers, link)
        if (list_entry(link, struct watcher, in_resource)->read != NULL)
            return true;
    list_for_each(&server->cache->muxes, link)
        if (!mux_read_is_done(list_entry(link, struct mux, in_cache)))
            return true;
    return !list_empty(&server->cache->ended) || !list_empty(&server->cache->ended_muxes);
}

static inline void settle(struct fake_server *server)
{
    for (fake_settle(server->loop); reads_are_out(server); fake_settle(server->loop))
        CHECK(fake_wait_for_post(server->loop));
}

#endif
