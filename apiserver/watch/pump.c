#include "apiserver/watch/internal.h"

#include "base/planted.h"

/* A turn of the loop has other things to do, too: so many steps for one watcher and for all of
 * them. A step is one event or object looked at; to encode one, or to write, costs as much as many.
 * Short turns make fewer writes: a burst of changes is applied between them, and who waits on the
 * ready list meanwhile is sent several events at once. With 1,000 watches and bursts of 10, turns
 * of 128 writes cost 1.1 us a delivery, turns of 2,048 cost 3.0. */
enum { TURN_STEPS_MAX = 128 * PUMP_STEPS };

/* ---- outbox ---- */

bool outbox_add(struct outbox *out, struct frame *frame)
{
    if (frame == NULL)
        return false;
    assert(out->count < HTTP_STREAM_WRITE_MAX);
    out->frames[out->count++] = frame;
    out->bytes += frame->payload_len;
    return true;
}

void outbox_release(struct outbox *out)
{
    for (size_t i = 0; i < out->count; i++)
        frame_unref(out->frames[i]);
    out->count = out->events = out->bookmarks = out->bytes = 0;
}

/* The client may be found gone inside the write: watcher_drop() takes the watcher with it. */
bool outbox_send(struct outbox *out, struct watcher *watcher)
{
    struct watch_cache *cache = watcher->resource->cache;
    bool alive;

    counter_add(&cache->stats.events_sent, out->events);
    counter_add(&cache->stats.bookmarks_sent, out->bookmarks);
    counter_add(&cache->stats.bytes_sent, out->bytes);
    cache->writing = watcher;
    watcher->ops->write(watcher->sink, out->frames, out->count, watcher->cursor);
    alive = cache->writing == watcher;
    cache->writing = NULL;
    outbox_release(out);
    return alive;
}

/* ---- what to send ---- */

bool watcher_is_behind(const struct watcher *watcher)
{
    return !PLANTED(window_gap) && watcher->cursor < watcher->resource->window.dropped_rev;
}

bool watcher_needs_columns(const struct watcher *watcher)
{
    return watcher->interest->format.view.shape == VIEW_TABLE && !watcher->has_columns;
}

static bool collect_event(struct watcher *watcher, struct outbox *out, struct watch_event *event,
                          enum watch_type type, size_t *steps)
{
    bool made = true;
    struct frame *frame;

    if (watcher_needs_columns(watcher))
        frame = watch_event_encode_own(event, type, &watcher->interest->format, true);
    else
        frame = watch_event_encode(event, type, &watcher->interest->format, &made);
    watcher->has_columns = true;
    watcher->told = event->rev;
    out->events++;
    *steps += made ? ENCODE_STEPS : 0;
    counter_add(&watcher->resource->cache->stats.events_encoded[watcher->interest->format.framing],
                made);
    return outbox_add(out, frame);
}

enum status collect_live(struct watcher *watcher, struct outbox *out, size_t *steps)
{
    const struct window *window = &watcher->resource->window;
    size_t last = *steps + WATCHER_STEPS_MAX;

    for (size_t at = window_find(window, watcher->cursor); at < window->count; at++) {
        struct watch_event *event = window_at(window, at);
        enum watch_type type;

        if (outbox_full(out) || *steps >= last)
            return STATUS_OK;
        type = filter_event(&watcher->interest->filter, event);
        if (type != WATCH_NONE && !watch_event_shows(event, type, &watcher->interest->format))
            type = WATCH_NONE;
        if (type != WATCH_NONE && !collect_event(watcher, out, event, type, steps))
            return STATUS_NO_MEMORY;
        watcher->cursor = event->rev;
        at -= PLANTED(deliver_twice);
        ++*steps;
    }
    if (watcher->cursor < watcher->resource->cache->rev)
        watcher->cursor = watcher->resource->cache->rev;
    return STATUS_END;
}

/* The state as ADDED, then the marker of its end: from there on the watch is like any other. */
enum status collect_initial(struct watcher *watcher, struct outbox *out, size_t *steps)
{
    const struct snapshot *snapshot = watcher->snapshot;
    size_t last = *steps + WATCHER_STEPS_MAX;

    for (; watcher->initial_at < snapshot->count; watcher->initial_at++, ++*steps) {
        const struct object *object = snapshot->objects[watcher->initial_at];

        if (outbox_full(out) || *steps >= last)
            return STATUS_OK;
        if (!filter_selects(&watcher->interest->filter, object) || PLANTED(initial_misses))
            continue;
        if (!outbox_add(out, watch_encode_initial(object, &watcher->interest->format,
                                                  watcher_needs_columns(watcher))))
            return STATUS_NO_MEMORY;
        watcher->has_columns = true;
        out->events++;
        *steps += ENCODE_STEPS;
        counter_add(
            &watcher->resource->cache->stats.events_encoded[watcher->interest->format.framing], 1);
    }
    if (snapshot->count == 0 && PLANTED(empty_unmarked))
        watcher->initial_end = false;
    snapshot_unref(watcher->snapshot);
    watcher->snapshot = NULL;
    watcher->state = WATCHER_LIVE;
    if ((watcher->initial_end || watch_framing_has_heartbeat(watcher->interest->format.framing)) &&
        !collect_bookmark(watcher, out, watcher->initial_end))
        return STATUS_NO_MEMORY;
    return STATUS_END;
}

bool watcher_has_signs_of_life(const struct watcher *watcher)
{
    return watcher->bookmarks || watch_framing_has_heartbeat(watcher->interest->format.framing);
}

static bool collect_heartbeat(struct watcher *watcher, struct outbox *out, bool can_be_told)
{
    if (!outbox_add(out, watch_encode_heartbeat(can_be_told ? watcher->cursor : 0,
                                                watcher->interest->format.framing)))
        return false;
    if (can_be_told)
        watcher->told = watcher->cursor;
    watcher->bookmark_due = false;
    return true;
}

/* Everything up to the cursor has been handed out, and nothing beyond. A bookmark tells just that:
 * never less than the client was told before, never more than this loop has seen. */
bool collect_bookmark(struct watcher *watcher, struct outbox *out, bool initial_events_end)
{
    bool can_be_told = watcher->cursor > 0 && watcher->cursor <= watcher->resource->cache->rev;

    if (!watcher->bookmarks && !initial_events_end)
        return collect_heartbeat(watcher, out, can_be_told);
    if (!can_be_told && !initial_events_end)
        return true;
    if (!outbox_add(out, watch_encode_bookmark(watcher->cursor + PLANTED(bookmark_early),
                                               &watcher->interest->format, initial_events_end,
                                               watcher_needs_columns(watcher))))
        return false;
    watcher->has_columns = true;
    watcher->told = watcher->cursor;
    if (!initial_events_end)
        watcher->bookmark_due = false;
    out->bookmarks++;
    return true;
}

/* ---- the pump ---- */

static bool collect_greeting(struct watcher *watcher, struct outbox *out)
{
    bool greets = !watcher->greeted && watch_framing_greets(watcher->interest->format.framing);

    watcher->greeted = true;
    return !greets || outbox_add(out, watch_encode_greeting(watcher->interest->format.framing));
}

/* Fills the outbox. OK: there is more; END: the watcher is told of everything. */
static enum status collect(struct watcher *watcher, struct outbox *out, size_t *steps)
{
    enum status st = STATUS_END;

    if (!collect_greeting(watcher, out))
        return STATUS_NO_MEMORY;
    if (watcher->state == WATCHER_INITIAL)
        st = collect_initial(watcher, out, steps);
    if (st != STATUS_END || out->bookmarks > 0)
        return st == STATUS_END ? STATUS_OK : st;
    if (watcher_is_behind(watcher)) {
        watcher->state = WATCHER_BEHIND;
        return STATUS_OK;
    }
    watcher->state = WATCHER_LIVE;
    st = collect_live(watcher, out, steps);
    if (st == STATUS_END && watcher->bookmark_due && !collect_bookmark(watcher, out, false))
        st = STATUS_NO_MEMORY;
    return st;
}

size_t watcher_pump(struct watcher *watcher)
{
    struct outbox out;
    size_t steps = PUMP_STEPS;
    bool alive = true;
    enum status st;

    if (watcher->read != NULL) {
        behind_go_on(watcher);
        return steps;
    }
    if (watcher->stale) {
        watcher_end(watcher);
        return steps;
    }
    if (!watcher->ops->ready(watcher->sink))
        return steps; /* it calls again */
    out.count = out.events = out.bookmarks = out.bytes = 0;
    st = collect(watcher, &out, &steps);
    if (st == STATUS_NO_MEMORY) {
        outbox_release(&out);
        watcher_abort(watcher);
        return steps;
    }
    if (st == STATUS_END)
        watcher_fall_asleep(watcher);
    if (out.count > 0)
        alive = outbox_send(&out, watcher);
    else if (watcher->state == WATCHER_BEHIND)
        behind_read(watcher);
    else if (st == STATUS_OK)
        watcher_make_ready(watcher);
    if (st == STATUS_END && alive && watcher->ops->caught_up != NULL)
        watcher->ops->caught_up(watcher->sink, watcher->cursor);
    return steps;
}

/* They have a budget of their own: neither many watches nor many muxes hold the others up. */
static void pump_muxes(struct watch_cache *cache)
{
    struct list turn_end;
    size_t steps = 0;

    list_append(&cache->ready_muxes, &turn_end);
    while (cache->ready_muxes.next != &turn_end && steps < TURN_STEPS_MAX) {
        struct list *link = cache->ready_muxes.next;

        list_remove(link);
        steps += mux_pump(link);
    }
    list_remove(&turn_end);
}

/* Pumps each watcher that was ready when it began, or as many as this turn can afford. What is left
 * waits for the next turn: a task that defers itself lets the sockets have theirs first. */
static void pump_ready(struct loop_task *task)
{
    struct watch_cache *cache = container_of(task, struct watch_cache, pump_task);
    size_t steps = 0;

    list_append(&cache->ready, &cache->turn_end);
    while (cache->ready.next != &cache->turn_end && steps < TURN_STEPS_MAX) {
        struct watcher *watcher = list_entry(cache->ready.next, struct watcher, link);

        list_remove(&watcher->link);
        steps += watcher_pump(watcher);
    }
    list_remove(&cache->turn_end);
    pump_muxes(cache);
    if (!list_empty(&cache->ready) || !list_empty(&cache->ready_muxes))
        loop_defer(cache->options.loop, &cache->pump_task);
}

void pump_init(struct watch_cache *cache)
{
    cache->pump_task.run = pump_ready;
}
