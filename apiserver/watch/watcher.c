#include "apiserver/watch/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/planted.h"

enum { EARLY_BOOKMARK_MS = 2000 };
#define NEVER UINT64_MAX

/* ---- making one ---- */

void watch_spec_release(const struct watch_spec *spec)
{
    label_selector_free(spec->labels);
    field_selector_free(spec->fields);
    watch_permit_release(spec->permit);
}

/* Takes the selectors and the permit, whatever comes. NULL without memory. */
static struct watcher *watcher_alloc(struct watch_cache *cache, const struct watch_spec *spec)
{
    struct resource *resource = watch_cache_resource(cache, bytes_str(spec->kind->prefix));
    struct watcher *watcher = resource != NULL ? calloc(1, sizeof(*watcher)) : NULL;

    if (watcher != NULL)
        watcher->interest = interest_take(cache, spec);
    if (watcher == NULL || watcher->interest == NULL) {
        free(watcher);
        watch_spec_release(spec);
        return NULL;
    }
    watcher->permit = spec->permit;
    watcher->resource = resource;
    watcher->state = spec->initial ? WATCHER_INITIAL : WATCHER_LIVE;
    watcher->cursor = spec->initial ? cache->rev : spec->since - PLANTED(resume_repeats);
    watcher->told = spec->initial ? 0 : spec->since;
    watcher->initial_end = spec->initial_end;
    watcher->bookmarks = spec->bookmarks;
    return watcher;
}

static void on_timer(struct loop_timer *timer);

/* When the next sign of life is due: a last one stands a little ahead of the deadline. */
static uint64_t next_sign(const struct watcher *watcher, uint64_t now)
{
    uint64_t at = now + watcher->resource->cache->options.bookmark_ms, last = NEVER;

    if (watcher->deadline != NEVER && !watcher->short_lived)
        last = watcher->deadline - EARLY_BOOKMARK_MS;
    if (now >= last)
        return NEVER;
    return at < last ? at : last;
}

static void init_times(struct watcher *watcher, uint64_t timeout_ms)
{
    uint64_t now = loop_now_ms(watcher->resource->cache->options.loop);

    watcher->timer.on_fire = on_timer;
    watcher->deadline = NEVER;
    if (timeout_ms > 0 && timeout_ms < NEVER - now)
        watcher->deadline = now + timeout_ms;
    watcher->short_lived = watcher->deadline - now < 2 * EARLY_BOOKMARK_MS;
}

/* Ties it to its bucket and first state. False without memory. */
static bool watcher_join(struct watcher *watcher)
{
    struct resource *resource = watcher->resource;

    if (PLANTED(empty_begins_late) && resource->objects.count == 0 && resource->window.count == 0)
        watcher->cursor = watcher->cursor + 50;
    watcher->bucket = dispatcher_join(&resource->dispatcher, &watcher->interest->filter);
    if (watcher->bucket == NULL)
        return false;
    if (watcher->state == WATCHER_INITIAL) {
        watcher->snapshot = snapshot_take(resource, &watcher->interest->filter);
        if (watcher->snapshot == NULL)
            return false;
    }
    list_append(&resource->watchers, &watcher->in_resource);
    counter_add(&resource->cache->stats.watchers, 1);
    return true;
}

void watcher_leave(struct watcher *watcher)
{
    struct watch_cache *cache = watcher->resource->cache;

    if (list_linked(&watcher->in_resource))
        counter_add(&cache->stats.watchers, (uint64_t)-1);
    list_remove(&watcher->in_resource);
    list_remove(&watcher->link);
    loop_timer_stop(cache->options.loop, &watcher->timer);
    if (watcher->bucket != NULL)
        dispatcher_leave(&watcher->resource->dispatcher, watcher->bucket);
    snapshot_unref(watcher->snapshot);
    watcher->snapshot = NULL;
    watch_permit_release(watcher->permit);
    watcher->permit = NULL;
    watcher->sink = NULL;
    watcher->state = WATCHER_ENDED;
}

void watcher_release(struct watcher *watcher)
{
    if (watcher->state != WATCHER_ENDED) {
        watcher_leave(watcher);
        if (!behind_drop(watcher)) {
            list_append(&watcher->resource->cache->ended, &watcher->in_resource);
            return;
        }
    }
    list_remove(&watcher->in_resource);
    interest_unref(watcher->interest);
    free(watcher);
}

/* ---- what happens to it ---- */

void watcher_make_ready(struct watcher *watcher)
{
    struct watch_cache *cache = watcher->resource->cache;

    if (watcher->idle) {
        watcher->idle = false;
        if (watcher->cursor < cache->dispatched_rev)
            watcher->cursor = cache->dispatched_rev;
    }
    list_remove(&watcher->link);
    if (watcher->ops->wake != NULL) {
        watcher->ops->wake(watcher->sink);
        return;
    }
    list_append(&cache->ready, &watcher->link);
    loop_defer(cache->options.loop, &cache->pump_task);
}

void watcher_ready(struct watcher *watcher)
{
    if (!watcher->idle || watcher->bookmark_due)
        watcher_make_ready(watcher);
}

void watcher_drop(struct watcher *watcher)
{
    if (watcher->resource->cache->writing == watcher)
        watcher->resource->cache->writing = NULL;
    watcher_release(watcher);
}

/* For the next sign of life or the deadline, whichever is sooner: which it was is seen when it
 * fires. */
static void start_timer(struct watcher *watcher)
{
    struct loop *loop = watcher->resource->cache->options.loop;
    uint64_t now = loop_now_ms(loop);
    uint64_t at = watcher_has_signs_of_life(watcher) ? next_sign(watcher, now) : NEVER;

    if (watcher->deadline < at)
        at = watcher->deadline;
    if (at != NEVER)
        loop_timer_start(loop, &watcher->timer, at > now ? at - now : 0);
}

static void on_timer(struct loop_timer *timer)
{
    struct watcher *watcher = container_of(timer, struct watcher, timer);
    uint64_t now = loop_now_ms(watcher->resource->cache->options.loop);

    if (now >= watcher->deadline && PLANTED(cut_at_timeout)) {
        watcher_abort(watcher);
        return;
    }
    if (now >= watcher->deadline) {
        watcher_finish(watcher, watcher->short_lived);
        return;
    }
    watcher->bookmark_due = true;
    watcher_make_ready(watcher);
    start_timer(watcher);
}

/* ---- its ends ---- */

void watcher_end(struct watcher *watcher)
{
    watcher->ops->end(watcher->sink, watcher->cursor);
    watcher_release(watcher);
}

void watcher_abort(struct watcher *watcher)
{
    watcher->ops->abort(watcher->sink);
    watcher_release(watcher);
}

void watcher_finish(struct watcher *watcher, bool bookmark_anyway)
{
    struct outbox out = {0};
    size_t steps = 0;
    enum status st = STATUS_OK;

    if (watcher->ops->wake != NULL) {
        watcher->ops->end(watcher->sink, watcher->cursor);
        return;
    }
    if (watcher->idle && watcher->cursor < watcher->resource->cache->dispatched_rev)
        watcher->cursor = watcher->resource->cache->dispatched_rev;
    if (watcher->state == WATCHER_LIVE && !watcher->stale && !watcher_is_behind(watcher) &&
        watcher->ops->ready(watcher->sink))
        st = collect_live(watcher, &out, &steps);
    if (st == STATUS_END && watcher_has_signs_of_life(watcher) &&
        (bookmark_anyway || watcher->told < watcher->cursor) &&
        !collect_bookmark(watcher, &out, false))
        st = STATUS_NO_MEMORY;
    if (st == STATUS_NO_MEMORY) {
        outbox_release(&out);
        watcher_abort(watcher);
    } else if (out.count == 0 || outbox_send(&out, watcher)) {
        watcher_end(watcher);
    }
}

void watcher_fail(struct watcher *watcher, const struct error *err)
{
    struct outbox out = {0};

    if (watcher->ops->fail != NULL) {
        watcher->ops->fail(watcher->sink, err);
        watcher_release(watcher);
    } else if (!outbox_add(&out, watch_encode_error(err, watcher->interest->format.framing))) {
        watcher_abort(watcher);
    } else if (outbox_send(&out, watcher)) {
        watcher_end(watcher);
    }
}

static void end_all(struct resource *resource)
{
    while (!list_empty(&resource->watchers))
        watcher_finish(list_entry(resource->watchers.next, struct watcher, in_resource), false);
}

void watch_cache_end_watchers(struct watch_cache *cache)
{
    mux_end_all(cache);
    for (struct map_slot *it = map_next(&cache->resources, NULL); it != NULL;
         it = map_next(&cache->resources, it))
        end_all(it->value);
}

void watch_cache_end_resource(struct watch_cache *cache, struct bytes prefix)
{
    struct resource *resource = map_get(&cache->resources, prefix);

    if (resource == NULL)
        return;
    end_all(resource);
    watch_cache_forget(cache, resource);
}

void watch_cache_end_protobuf(struct watch_cache *cache, struct bytes prefix)
{
    struct resource *resource = map_get(&cache->resources, prefix);

    if (resource == NULL)
        return;
    list_for_each(&resource->watchers, it) {
        struct watcher *watcher = list_entry(it, struct watcher, in_resource);

        if (!watcher->interest->format.view.protobuf ||
            watcher->interest->format.view.shape == VIEW_METADATA)
            continue;
        watcher->stale = true;
        watcher_make_ready(watcher);
    }
}

/* ---- its start ---- */

struct watcher *watcher_new(struct watch_cache *cache, const struct watch_spec *spec,
                            const struct watch_sink_ops *ops, void *sink)
{
    struct watcher *watcher = watcher_alloc(cache, spec);

    if (watcher == NULL)
        return NULL;
    watcher->ops = ops;
    watcher->sink = sink;
    if (!watcher_join(watcher)) {
        watcher_release(watcher);
        return NULL;
    }
    init_times(watcher, spec->timeout_ms);
    start_timer(watcher);
    return watcher;
}
