/*
 * watch_cache - one loop's copy of the current state, and of the last events: what gets and lists
 * are answered from, and what watchers read on from.
 *
 *   on_batch (writer thread) --watch_batch_new()--> shared by all loops --post--> each loop:
 *        watch_cache_apply(): state by key, window of events per resource, then watchers that match
 *
 * Shape    objects in key order per resource (the part of a key up to and with its second '/', or
 *          third for "custom/"); a ring of the last events per resource, bounded by count and
 * bytes. All are references to values that every loop shares. Owner    one loop.   Threads  its
 * loop; watch_batch_* from any thread. Errors   memory only: a loop that cannot apply an event
 * cannot go on, and says so by abort().
 */
#ifndef TIDEWATCH_APISERVER_WATCH_WATCH_CACHE_H
#define TIDEWATCH_APISERVER_WATCH_WATCH_CACHE_H

#include "apiserver/transport/http.h"
#include "apiserver/watch/watch_event.h"

struct watch_cache;
struct history;

struct watch_cache_options {
    struct loop *loop;
    struct storage *storage; /* for what has left the window */
    struct history *history; /* reads it, off the loop */
    size_t window_events;    /* of one resource; 0: a default */
    size_t window_bytes;     /* of one resource; 0: a default */
    uint32_t bookmark_ms;    /* between bookmarks of a watch that wants them */
    uint64_t check_ms;       /* between checks against the store (consistency.h); 0: none */
    uint64_t check_first_ms; /* before the first of them */
};
struct watch_cache *watch_cache_new(const struct watch_cache_options *options);
/* After history_free(), and when the loop does not run any more. */
void watch_cache_free(struct watch_cache *cache);

/* ---- feeding ---- */
/* Before the first batch: what storage_each() gives. `rev` is storage_committed(). */
bool watch_cache_load(struct watch_cache *cache, struct bytes key, struct object *object);
void watch_cache_loaded(struct watch_cache *cache, uint64_t rev);

/* The events of one commit, made once and shared by all loops. */
struct watch_batch;
struct watch_batch *watch_batch_new(const struct batch *batch); /* one reference */
struct watch_batch *watch_batch_ref(struct watch_batch *batch);
void watch_batch_unref(struct watch_batch *batch);
/* Applies all events, then wakes the watchers that they match. */
void watch_cache_apply(struct watch_cache *cache, struct watch_batch *batch);
/* Called on the loop for each event of a batch while it is applied, before watchers wake: the
 * registry listens for CRDs here. */
typedef void watch_cache_listener(void *user, const struct event *event);
void watch_cache_listen(struct watch_cache *cache, watch_cache_listener *listener, void *user);

/* ---- reading ---- */
/* Everything up to here has been applied. */
uint64_t watch_cache_rev(const struct watch_cache *cache);
/* Borrowed until the loop's next turn; take a reference to keep it. NULL: absent. */
struct object *watch_cache_get(const struct watch_cache *cache, struct bytes key);
/* Walks keys that begin with `prefix` (which holds at least the whole resource part) and are >
 * `after_key` (empty: all), in byte order, until `each` returns false. The cache must not change.
 */
void watch_cache_each(const struct watch_cache *cache, struct bytes prefix, struct bytes after_key,
                      bool (*each)(void *user, struct bytes key, struct object *object),
                      void *user);
/* How many objects a resource or a namespace of it holds. */
size_t watch_cache_count(const struct watch_cache *cache, struct bytes prefix);
/* The revision of the last change to a resource since the start; of the start if there was none. A
 * list at any revision from here on is the current one. */
uint64_t watch_cache_changed_rev(const struct watch_cache *cache, struct bytes prefix);

struct watch_cache_stats {
    uint64_t objects, watchers, events_applied, events_sent, bytes_sent;
    uint64_t bookmarks_sent, behind_reads, expired;
    uint64_t checks_passed, checks_failed, checks_broken; /* against the store */
    uint64_t events_encoded[FRAMING_COUNT];
};
/* From any thread. */
void watch_cache_get_stats(const struct watch_cache *cache, struct watch_cache_stats *ret_stats);

#endif
