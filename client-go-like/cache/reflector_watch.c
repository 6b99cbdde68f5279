#include "client-go-like/cache/reflector.h"

#include "base/clock.h"
#include "client-go-like/cache/store.h"
#include "client-go-like/object.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/watch/watch.h"

enum {
    POLL_MS = 1000,       /* how often a quiet stream returns to us; stop does not wait for it */
    GRACE_MS = 30 * 1000, /* past timeoutSeconds, for a server that forgot it */
    SILENT_ENDS_MAX = 3,
    BATCH_MAX = 64, /* events that become visible together */
};

tw_status reflector_open(tw_reflector *r, bool initial_events, tw_error **reterr)
{
    struct buf path = {0};
    struct http_request request = {.method = "GET"};
    unsigned timeout_s =
        REFLECTOR_WATCH_MIN_S + (unsigned)r->env.random_below(REFLECTOR_WATCH_MIN_S + 1);
    tw_watch_options options = {
        .label_selector = r->label_selector,
        .field_selector = r->field_selector,
        .resource_version = r->rv_unavailable ? NULL : r->rv,
        .bookmarks = true,
        .send_initial_events = initial_events,
        .timeout_s = timeout_s,
    };
    tw_status st;

    watch_path(&path, &r->resource, r->ns, &options);
    request.path = path_end(&path);
    request.accept = r->metadata_only
                         ? "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
                         : watch_accept(r->framing, &r->resource);
    watch_set_transport(&request, r->transport, true);
    request.bounds = (struct http_bounds){
        .connect_ms = r->env.connect_ms,
        .first_byte_ms = r->env.first_byte_ms,
        .idle_ms = r->idle_ms,
        .deadline_ms = clock_monotonic_ms() + timeout_s * 1000 + GRACE_MS,
    };
    r->rv_moves = !initial_events && options.resource_version != NULL;
    r->seen = 0;
    r->moved = false;
    r->opened_ms = r->env.now_ms();
    r->bookmark_ms = 0;
    reflector_count(r, TW_METRIC_WATCHES, 1);
    st = request.path != NULL ? stream_open(&r->stream, r->client, r->http, &request, reterr)
                              : tw_fail_no_memory(reterr);
    buf_release(&path);
    r->stream.strip = r->strip;
    if (st == TW_OK)
        reflector_heard(r);
    else
        reflector_close(r);
    return st;
}

void reflector_close(tw_reflector *r)
{
    if (r->stream.http != NULL)
        reflector_count(r, TW_METRIC_WATCH_MS, r->env.now_ms() - r->opened_ms);
    stream_close(&r->stream);
}

/* How often this server sends bookmarks says how long it may be silent: two and a half times that,
 * so that with one every 10 s a dead connection is replaced in less than 30 s. */
static void learn_rhythm(tw_reflector *r)
{
    uint64_t now = r->env.now_ms();
    uint64_t idle_ms = (now - (r->bookmark_ms != 0 ? r->bookmark_ms : r->opened_ms)) * 5 / 2;

    if (r->transport == TW_TRANSPORT_WEBSOCKET) /* its pongs are sign enough */
        return;
    r->bookmark_ms = now;
    r->knows_rhythm = true;
    r->silent_ends = 0;
    if (idle_ms < r->env.idle_ms)
        idle_ms = r->env.idle_ms;
    if (idle_ms > r->env.idle_max_ms)
        idle_ms = r->env.idle_max_ms;
    r->idle_ms = (unsigned)idle_ms;
    http_set_idle(r->http, r->idle_ms);
}

static void count_event(tw_reflector *r, const tw_event *event)
{
    r->seen++;
    reflector_count_event(r, r->stream.frame_len);
    if (event->type == TW_EVENT_BOOKMARK)
        learn_rhythm(r);
}

/* Is it what we asked for? A Table, or an object of another kind, is dropped and counted. */
static bool is_ours(const tw_reflector *r, const tw_event *event)
{
    if (r->metadata_only)
        return object_is_type(event->object, "meta.k8s.io/v1", "PartialObjectMetadata");
    if (r->kind == NULL)
        return strcmp(tw_object_kind(event->object), "Table") != 0;
    return object_is_type(event->object, r->api_version, r->kind);
}

/* The next event; or, if it `may_wait` not, TW_ERR_TIMEOUT where none has been read. */
static tw_status next_event(tw_reflector *r, bool may_wait, tw_event *ret_event, tw_error **reterr)
{
    for (;;) {
        tw_event event;
        tw_status st = may_wait ? stream_next(&r->stream, POLL_MS, &event, reterr)
                                : stream_next_read(&r->stream, &event, reterr);

        if (st == TW_ERR_TIMEOUT && *reterr == NULL && may_wait)
            continue; /* quiet; the stream's own bounds end it */
        if (st == TW_ERR_PROTOCOL)
            reflector_count(r, TW_METRIC_DECODE_ERRORS, 1);
        if (st != TW_OK)
            return st;
        count_event(r, &event);
        if (event.type == TW_EVENT_ERROR) {
            st = client_fail_status(event.object->tree, 0, reterr);
        } else if (!is_ours(r, &event)) {
            reflector_count(r, TW_METRIC_DROPPED, 1);
        } else if (event.type == TW_EVENT_BOOKMARK ||
                   (st = reflector_transform(r, &event.object, reterr)) == TW_OK) {
            *ret_event = event;
            return TW_OK;
        }
        tw_event_release(&event);
        if (st != TW_OK)
            return st;
    }
}

tw_status reflector_next(tw_reflector *r, tw_event *ret_event, tw_error **reterr)
{
    return next_event(r, true, ret_event, reterr);
}

/* ---- into the store ---- */

/* What was read at once: a wait for one event, and then all whose bytes have come with it. The
 * status is why there are no more. */
struct batch {
    struct store_change changes[BATCH_MAX];
    size_t count;
};

static tw_status read_batch(tw_reflector *r, struct batch *batch, tw_error **reterr)
{
    tw_status st = TW_OK;

    for (batch->count = 0; batch->count < BATCH_MAX; batch->count++) {
        tw_event event;

        st = next_event(r, batch->count == 0, &event, reterr);
        if (st != TW_OK)
            break;
        batch->changes[batch->count] =
            (struct store_change){.type = event.type, .object = event.object};
    }
    return st;
}

static void release_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        tw_object_unref(batch->changes[i].object);
}

/* The resourceVersion after these events; NULL: as it was. A watch from no resourceVersion begins
 * with the state in key order: those versions are none to resume from (propagateRVFromStart). */
static const char *version_after(tw_reflector *r, const struct store_change *events, size_t count)
{
    const char *rv = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *own = tw_object_resource_version(events[i].object);

        r->rv_moves |= events[i].type != TW_EVENT_ADDED;
        if (r->rv_moves && *own != '\0')
            rv = own;
    }
    return rv;
}

/* Events into the store, and then the resourceVersion: in this order, so that what is lost for want
 * of memory is asked for again. */
static tw_status apply(tw_reflector *r, struct batch *batch, tw_error **reterr)
{
    size_t done = 0;
    tw_status st =
        batch->count != 0 ? store_apply(r->store, batch->changes, batch->count, &done) : TW_OK;
    const char *rv = version_after(r, batch->changes, done);

    if (rv != NULL && !reflector_set_rv(r, rv))
        st = TW_ERR_NO_MEMORY;
    return st == TW_OK ? TW_OK : tw_fail_no_memory(reterr);
}

static tw_status read_events(tw_reflector *r, tw_error **reterr)
{
    for (;;) {
        struct batch batch;
        tw_status read = read_batch(r, &batch, reterr);
        tw_status applied = apply(r, &batch, reterr);

        release_batch(&batch);
        if (applied != TW_OK)
            return applied;
        if (read != TW_OK && (read != TW_ERR_TIMEOUT || *reterr != NULL))
            return read;
    }
}

/* A server whose bookmarks come less often than our patience ends would be asked again and again
 * for nothing: a silent end doubles the patience, up to idle_max_ms. But where we know how often
 * they come it is the connection that was dead, until that has been so a few times in a row. A
 * WebSocket's silence is no silence of the server, which would have answered our pings. */
static void learn_patience(tw_reflector *r, const tw_error *error)
{
    if (tw_error_status(error) != TW_ERR_TIMEOUT || r->transport == TW_TRANSPORT_WEBSOCKET)
        return;
    if (r->knows_rhythm && ++r->silent_ends <= SILENT_ENDS_MAX)
        return;
    r->idle_ms = r->idle_ms < r->env.idle_max_ms / 2 ? r->idle_ms * 2 : r->env.idle_max_ms;
}

/* client-go's VeryShortWatchError asks for no events at all; a server that sends a bookmark we have
 * had, or things we drop, and closes at once would make it spin. */
static bool was_very_short(const tw_reflector *r)
{
    return !r->moved && r->env.now_ms() - r->opened_ms < r->env.short_watch_ms;
}

/* client-go's MaxInternalErrorRetryDuration: a server that has them now and then is watched again,
 * as long as events come in between or the time is not up. */
static bool may_retry_internal(tw_reflector *r, const tw_error *error)
{
    uint64_t now = r->env.now_ms();

    if (r->env.internal_error_ms == 0 || strcmp(tw_error_reason(error), "InternalError") != 0)
        return false;
    if (r->internal_ms == 0 || r->moved)
        r->internal_ms = now;
    return now - r->internal_ms < r->env.internal_error_ms;
}

/* The stream is at its end: TW_OK to watch on from r->rv; TW_END: a new round, and no error. */
static tw_status after_stream(tw_reflector *r, tw_status ended, tw_error **reterr)
{
    if (ended == TW_END || ended == TW_ERR_BROKEN || ended == TW_ERR_TIMEOUT) {
        learn_patience(r, *reterr);
        if (was_very_short(r))
            return tw_fail(reterr, TW_ERR_BROKEN, "very short watch: closed with nothing new");
        return TW_OK;
    }
    switch (reflector_judge(*reterr)) {
    case VERDICT_EXPIRED:
        return tw_error_code(*reterr) == 410 ? TW_END : ended;
    case VERDICT_LATER:
        reflector_note(r, *reterr);
        return reflector_back_off(r);
    case VERDICT_OTHER:
        if (!may_retry_internal(r, *reterr))
            break;
        reflector_note(r, *reterr);
        return reflector_back_off(r);
    case VERDICT_STOP:
        break;
    }
    return ended;
}

static tw_status reopen(tw_reflector *r, tw_error **reterr)
{
    for (;;) {
        tw_status st = reflector_open(r, false, reterr);

        if (st == TW_OK || reflector_judge(*reterr) != VERDICT_LATER)
            return st;
        reflector_note(r, *reterr);
        tw_error_clear(reterr);
        st = reflector_back_off(r);
        if (st != TW_OK)
            return st;
    }
}

tw_status reflector_follow(tw_reflector *r, bool open, tw_error **reterr)
{
    for (;;) {
        tw_status st = open ? TW_OK : reopen(r, reterr);

        if (st != TW_OK)
            return st;
        reflector_set_state(r, TW_REFLECTOR_LIVE);
        st = read_events(r, reterr);
        reflector_close(r);
        open = false;
        if (!atomic_load(&r->stop))
            reflector_set_state(r, TW_REFLECTOR_STALE);
        st = after_stream(r, st, reterr);
        if (st != TW_OK)
            return st == TW_END ? TW_OK : st;
        tw_error_clear(reterr);
    }
}
