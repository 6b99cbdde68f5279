#include "apiserver/watch/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/planted.h"

enum { EARLY_BOOKMARK_MS = 2000 };
#define NEVER UINT64_MAX

/* ---- making one ---- */

/* What of a key says whether it is in sight: see filter.h. */
struct scope_of {
    enum scope scope;
    struct bytes namespace, name;
};

static struct bytes or_required(struct bytes given, const struct field_selector *fields,
                                const char *field)
{
    return given.len > 0 || fields == NULL ? given : field_selector_required(fields, field);
}

static struct scope_of scope_of(const struct watch_spec *spec)
{
    struct scope_of of = {
        .namespace = or_required(spec->namespace, spec->fields, "metadata.namespace"),
        .name = or_required(spec->name, spec->fields, "metadata.name"),
    };

    if (!spec->kind->namespaced)
        of.scope = of.name.len > 0 ? SCOPE_OBJECT : SCOPE_ALL;
    else if (of.namespace.len > 0)
        of.scope = of.name.len > 0 ? SCOPE_OBJECT : SCOPE_NAMESPACE;
    else
        of.scope = of.name.len > 0 ? SCOPE_NAME : SCOPE_ALL;
    return of;
}

static char *append(char *at, struct bytes text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

/* "core/pods/" "default/" "web": resource part and scope, into `text`, which has room for them. */
static void write_text(struct filter *filter, char *text, const struct kind *kind,
                       const struct scope_of *of)
{
    bool slash = of->scope == SCOPE_NAMESPACE || of->scope == SCOPE_NAME ||
                 (of->scope == SCOPE_OBJECT && kind->namespaced);
    char *end = append(text, bytes_str(kind->prefix));

    filter->prefix_len = (uint32_t)(end - text);
    if (kind->namespaced)
        end = append(end, of->namespace);
    if (slash)
        end = append(end, BYTES("/"));
    end = append(end, of->name);
    filter->text = bytes_of(text, (size_t)(end - text));
    filter->scope = of->scope;
}

void watch_spec_release(const struct watch_spec *spec)
{
    label_selector_free(spec->labels);
    field_selector_free(spec->fields);
    watch_permit_release(spec->permit);
}

/* Takes the selectors, whatever comes. NULL without memory. */
static struct watcher *watcher_alloc(struct watch_cache *cache, const struct watch_spec *spec)
{
    struct scope_of of = scope_of(spec);
    size_t text_len = strlen(spec->kind->prefix) + of.namespace.len + 1 + of.name.len;
    struct watcher *watcher = calloc(1, sizeof(*watcher) + text_len + 1);

    if (watcher == NULL) {
        watch_spec_release(spec);
        return NULL;
    }
    watcher->permit = spec->permit;
    watcher->cache = cache;
    watcher->filter.kind = kind_ref(spec->kind);
    watcher->filter.labels = spec->labels;
    watcher->filter.fields = spec->fields;
    write_text(&watcher->filter, watcher->text, spec->kind, &of);
    watcher->format = watch_format_of(spec->kind, spec->view, spec->framing);
    projection_ref((struct projection *)watcher->format.view.projection);
    watcher->state = spec->initial ? WATCHER_INITIAL : WATCHER_LIVE;
    watcher->cursor = spec->initial ? cache->rev : spec->since - PLANTED(resume_repeats);
    watcher->told = spec->initial ? 0 : spec->since;
    watcher->initial_end = spec->initial_end;
    watcher->bookmarks = spec->bookmarks;
    return watcher;
}

static void on_timer(struct loop_timer *timer);

static void init_times(struct watcher *watcher, uint64_t timeout_ms)
{
    uint64_t now = loop_now_ms(watcher->cache->options.loop);

    watcher->timer.on_fire = on_timer;
    watcher->bookmark_at = watcher->early_at = watcher->deadline = NEVER;
    if (timeout_ms > 0 && timeout_ms < NEVER - now)
        watcher->deadline = now + timeout_ms;
    watcher->short_lived = watcher->deadline - now < 2 * EARLY_BOOKMARK_MS;
    if (!watcher_has_signs_of_life(watcher))
        return;
    watcher->bookmark_at = now + watcher->cache->options.bookmark_ms;
    if (watcher->deadline != NEVER && !watcher->short_lived)
        watcher->early_at = watcher->deadline - EARLY_BOOKMARK_MS;
}

/* Ties it to its resource, bucket and first state. False without memory. */
static bool watcher_join(struct watcher *watcher)
{
    struct watch_cache *cache = watcher->cache;
    struct resource *resource = watch_cache_resource(cache, filter_prefix(&watcher->filter));

    if (resource == NULL)
        return false;
    watcher->resource = resource;
    watcher->bucket = dispatcher_join(&resource->dispatcher, &watcher->filter);
    if (watcher->bucket == NULL)
        return false;
    if (watcher->state == WATCHER_INITIAL) {
        watcher->snapshot = snapshot_take(cache, resource, &watcher->filter);
        if (watcher->snapshot == NULL)
            return false;
    }
    list_append(&resource->watchers, &watcher->in_resource);
    counter_add(&cache->stats.watchers, 1);
    return true;
}

void watcher_leave(struct watcher *watcher)
{
    struct watch_cache *cache = watcher->cache;

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
            list_append(&watcher->cache->ended, &watcher->in_resource);
            return;
        }
    }
    list_remove(&watcher->in_resource);
    label_selector_free(watcher->filter.labels);
    field_selector_free(watcher->filter.fields);
    kind_unref(watcher->filter.kind);
    projection_unref((struct projection *)watcher->format.view.projection);
    free(watcher);
}

/* ---- what happens to it ---- */

void watcher_make_ready(struct watcher *watcher)
{
    struct watch_cache *cache = watcher->cache;

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
    if (watcher->cache->writing == watcher)
        watcher->cache->writing = NULL;
    watcher_release(watcher);
}

static void start_timer(struct watcher *watcher)
{
    uint64_t now = loop_now_ms(watcher->cache->options.loop), at = watcher->deadline;

    if (watcher->bookmark_at < at)
        at = watcher->bookmark_at;
    if (watcher->early_at < at)
        at = watcher->early_at;
    if (at != NEVER)
        loop_timer_start(watcher->cache->options.loop, &watcher->timer, at > now ? at - now : 0);
}

static void on_timer(struct loop_timer *timer)
{
    struct watcher *watcher = container_of(timer, struct watcher, timer);
    uint64_t now = loop_now_ms(watcher->cache->options.loop);

    if (now >= watcher->deadline) {
        watcher_finish(watcher, watcher->short_lived);
        return;
    }
    if (now >= watcher->bookmark_at || now >= watcher->early_at) {
        bool was_early = now >= watcher->early_at;

        watcher->bookmark_at = was_early ? NEVER : now + watcher->cache->options.bookmark_ms;
        if (was_early)
            watcher->early_at = NEVER;
        watcher->bookmark_due = true;
        watcher_make_ready(watcher);
    }
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
    if (watcher->idle && watcher->cursor < watcher->cache->dispatched_rev)
        watcher->cursor = watcher->cache->dispatched_rev;
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
    } else if (!outbox_add(&out, watch_encode_error(err, watcher->format.framing))) {
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

        if (!watcher->format.view.protobuf || watcher->format.view.shape == VIEW_METADATA)
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
