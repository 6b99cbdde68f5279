#include "apiserver/watch/internal.h"

#include <stdlib.h>

#include "base/log.h"

enum {
    WINDOW_EVENTS = 16384,
    WINDOW_BYTES = 32 * 1024 * 1024,
    BOOKMARK_MS = 60 * 1000,
};

struct watch_cache *watch_cache_new(const struct watch_cache_options *options)
{
    struct watch_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    cache->options = *options;
    if (cache->options.window_events == 0)
        cache->options.window_events = WINDOW_EVENTS;
    if (cache->options.window_bytes == 0)
        cache->options.window_bytes = WINDOW_BYTES;
    if (cache->options.bookmark_ms == 0)
        cache->options.bookmark_ms = BOOKMARK_MS;
    list_init(&cache->ready);
    list_init(&cache->ended);
    list_init(&cache->muxes);
    list_init(&cache->ready_muxes);
    list_init(&cache->ended_muxes);
    pump_init(cache);
    return cache;
}

static void resource_free(struct resource *resource)
{
    struct tree_cursor cursor = tree_seek(&resource->objects, BYTES(""), false);

    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;) {
        object_unref(slot->value);
        free((char *)slot->key.ptr);
    }
    tree_release(&resource->objects);
    window_release(&resource->window);
    free(resource);
}

void watch_cache_free(struct watch_cache *cache)
{
    if (cache == NULL)
        return;
    consistency_stop(cache);
    watch_cache_end_watchers(cache);
    /* Their reads will not come back: the history has ended before the cache does. */
    list_for_each(&cache->ended, link)
        behind_forget(list_entry(link, struct watcher, in_resource));
    mux_forget_all(cache);
    for (struct map_slot *it = map_next(&cache->resources, NULL); it != NULL;
         it = map_next(&cache->resources, it))
        resource_free(it->value);
    map_release(&cache->resources);
    map_release(&cache->interests);
    free(cache);
}

static struct resource *find_resource(const struct watch_cache *cache, struct bytes key)
{
    return map_get(&cache->resources, bytes_of(key.ptr, resource_prefix_len(key)));
}

struct resource *watch_cache_resource(struct watch_cache *cache, struct bytes prefix)
{
    struct resource *resource = cache->latest;

    if (resource != NULL && bytes_eq(resource->prefix, prefix))
        return resource;
    resource = cache->latest = map_get(&cache->resources, prefix);
    if (resource != NULL)
        return resource;
    resource = calloc(1, sizeof(*resource) + prefix.len + 1);
    if (resource == NULL)
        return NULL;
    memcpy(resource->prefix_data, prefix.ptr, prefix.len);
    resource->prefix = bytes_of(resource->prefix_data, prefix.len);
    resource->cache = cache;
    list_init(&resource->watchers);
    resource->changed_rev = cache->known_rev;
    window_init(&resource->window, cache->options.window_events, cache->options.window_bytes,
                cache->known_rev);
    if (!map_put(&cache->resources, resource->prefix, resource)) {
        free(resource);
        return NULL;
    }
    return resource;
}

void watch_cache_forget(struct watch_cache *cache, struct resource *resource)
{
    if (resource->objects.count > 0 || !list_empty(&resource->watchers))
        return;
    map_remove(&cache->resources, resource->prefix);
    if (cache->latest == resource)
        cache->latest = NULL;
    resource_free(resource);
    cache->known_rev = cache->rev;
}

/* ---- feeding ---- */

static uint64_t digest_of(struct bytes key, const struct object *object)
{
    return consistency_digest(key, &object->base);
}

/* Nothing stands at `key`. False without memory. */
static bool add_object(struct watch_cache *cache, struct resource *resource, struct bytes key,
                       struct object *object)
{
    char *copy = bytes_dup(key);

    if (copy == NULL || !tree_put(&resource->objects, bytes_of(copy, key.len), object)) {
        free(copy);
        return false;
    }
    object_ref(object);
    cache->consistency.digest += digest_of(key, object);
    counter_add(&cache->stats.objects, 1);
    return true;
}

/* Makes `object` what stands at `key`, or takes away what stands there. False without memory. */
static bool set_object(struct watch_cache *cache, struct resource *resource, struct bytes key,
                       struct object *object)
{
    struct tree_slot *slot = tree_find(&resource->objects, key), removed;

    if (object == NULL) {
        if (slot == NULL)
            return true;
        tree_remove(&resource->objects, key, &removed);
        cache->consistency.digest -= digest_of(key, removed.value);
        object_unref(removed.value);
        free((char *)removed.key.ptr);
        counter_add(&cache->stats.objects, (uint64_t)-1);
        return true;
    }
    if (slot != NULL) {
        struct object *old = slot->value;

        cache->consistency.digest += digest_of(key, object) - digest_of(key, old);
        slot->value = object_ref(object);
        object_unref(old);
        return true;
    }
    return add_object(cache, resource, key, object);
}

bool watch_cache_load(struct watch_cache *cache, struct bytes key, struct object *object)
{
    struct bytes prefix = bytes_of(key.ptr, resource_prefix_len(key));
    struct resource *resource = watch_cache_resource(cache, prefix);

    return resource != NULL && set_object(cache, resource, key, object);
}

void watch_cache_loaded(struct watch_cache *cache, uint64_t rev)
{
    cache->known_rev = cache->rev = cache->dispatched_rev = rev;
    for (struct map_slot *it = map_next(&cache->resources, NULL); it != NULL;
         it = map_next(&cache->resources, it)) {
        struct resource *resource = it->value;

        resource->changed_rev = resource->window.dropped_rev = rev;
    }
    consistency_start(cache);
}

void watch_cache_listen(struct watch_cache *cache, watch_cache_listener *listener, void *user)
{
    assert(cache->listener_count < LISTENERS_MAX);
    cache->listeners[cache->listener_count].call = listener;
    cache->listeners[cache->listener_count++].user = user;
}

static void tell_listeners(const struct watch_cache *cache, const struct watch_event *event)
{
    struct event told = {
        .rev = event->rev,
        .type = event->object != NULL ? EVENT_PUT : EVENT_DELETE,
        .key = watch_event_key(event),
        .value = event->object != NULL ? &event->object->base : NULL,
        .prev = event->prev != NULL ? &event->prev->base : NULL,
    };

    for (size_t i = 0; i < cache->listener_count; i++)
        cache->listeners[i].call(cache->listeners[i].user, &told);
}

static void apply_event(struct watch_cache *cache, struct watch_event *event)
{
    struct bytes key = watch_event_key(event);
    struct resource *resource = watch_cache_resource(cache, bytes_of(key.ptr, event->prefix_len));

    if (resource == NULL || !(event->created && event->object != NULL
                                  ? add_object(cache, resource, key, event->object)
                                  : set_object(cache, resource, key, event->object))) {
        LOG_ERROR("out of memory: a loop that misses an event would serve a wrong state");
        abort();
    }
    resource->changed_rev = event->rev;
    window_push(&resource->window, event);
    cache->rev = event->rev;
    tell_listeners(cache, event);
}

/* An idle watcher may match the event. It wakes with its cursor right before it: whatever came
 * earlier would have woken it. */
static void wake(void *user, struct list *link)
{
    const struct watch_event *event = user;
    struct watcher *watcher = list_entry(link, struct watcher, link);

    if (event->rev <= watcher->cursor ||
        filter_event(&watcher->interest->filter, event) == WATCH_NONE)
        return;
    watcher->idle = false;
    watcher->cursor = event->rev - 1;
    watcher_make_ready(watcher);
}

void watch_cache_apply(struct watch_cache *cache, struct watch_batch *batch)
{
    uint64_t before = cache->rev;

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->events[i]->rev <= before) /* was loaded already */
            continue;
        apply_event(cache, batch->events[i]);
        counter_add(&cache->stats.events_applied, 1);
    }
    if (batch->rev > cache->rev)
        cache->rev = batch->rev;
    for (size_t i = 0; i < batch->count; i++) {
        struct watch_event *event = batch->events[i];
        struct bytes prefix = bytes_of(event->key, event->prefix_len);
        const struct resource *resource =
            event->rev > before ? watch_cache_resource(cache, prefix) : NULL;

        if (resource != NULL && !list_empty(&resource->watchers))
            dispatcher_wake(&resource->dispatcher, event, wake, event);
    }
    cache->dispatched_rev = cache->rev;
}

/* ---- reading ---- */

uint64_t watch_cache_rev(const struct watch_cache *cache)
{
    return cache->rev;
}

struct object *watch_cache_get(const struct watch_cache *cache, struct bytes key)
{
    const struct resource *resource = find_resource(cache, key);
    struct tree_slot *slot = resource != NULL ? tree_find(&resource->objects, key) : NULL;

    return slot != NULL ? slot->value : NULL;
}

void watch_cache_each(const struct watch_cache *cache, struct bytes prefix, struct bytes after_key,
                      bool (*each)(void *user, struct bytes key, struct object *object), void *user)
{
    const struct resource *resource = find_resource(cache, prefix);
    bool goes_on = bytes_cmp(after_key, prefix) >= 0;
    struct tree_cursor cursor;

    if (resource == NULL)
        return;
    cursor = tree_seek(&resource->objects, goes_on ? after_key : prefix, goes_on);
    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;)
        if (!bytes_starts_with(slot->key, prefix) || !each(user, slot->key, slot->value))
            return;
}

size_t watch_cache_count(const struct watch_cache *cache, struct bytes prefix)
{
    const struct resource *resource = find_resource(cache, prefix);

    return resource != NULL ? tree_count_prefix(&resource->objects, prefix) : 0;
}

uint64_t watch_cache_changed_rev(const struct watch_cache *cache, struct bytes prefix)
{
    const struct resource *resource = find_resource(cache, prefix);

    return resource != NULL ? resource->changed_rev : cache->known_rev;
}

static uint64_t load(const struct counter *counter)
{
    return atomic_load_explicit(&counter->n, memory_order_relaxed);
}

void watch_cache_get_stats(const struct watch_cache *cache, struct watch_cache_stats *ret_stats)
{
    *ret_stats = (struct watch_cache_stats){
        .objects = load(&cache->stats.objects),
        .watchers = load(&cache->stats.watchers),
        .events_applied = load(&cache->stats.events_applied),
        .events_sent = load(&cache->stats.events_sent),
        .bytes_sent = load(&cache->stats.bytes_sent),
        .bookmarks_sent = load(&cache->stats.bookmarks_sent),
        .behind_reads = load(&cache->stats.behind_reads),
        .expired = load(&cache->stats.expired),
        .checks_passed = load(&cache->stats.checks_passed),
        .checks_failed = load(&cache->stats.checks_failed),
        .checks_broken = load(&cache->stats.checks_broken),
    };
    for (size_t i = 0; i < FRAMING_COUNT; i++)
        ret_stats->events_encoded[i] = load(&cache->stats.events_encoded[i]);
}
