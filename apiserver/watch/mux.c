#include "apiserver/watch/mux_parts.h"

#include <stdlib.h>

#define NEVER UINT64_MAX

/* ---- members ---- */

/* The read of the log may be looking at it: then it goes with the read. */
static void member_end(struct member *member)
{
    struct mux *mux = member->mux;

    list_remove(&member->link);
    mux->count--;
    mux->generation++;
    watcher_leave(member->watcher);
    if (mux->read != NULL) {
        list_append(&mux->dropped, &member->link);
        return;
    }
    watcher_release(member->watcher);
    free(member);
}

static struct member *find_member(const struct mux *mux, struct bytes id)
{
    list_for_each(&mux->members, link) {
        struct member *member = list_entry(link, struct member, link);

        if (bytes_eq(member->id, id))
            return member;
    }
    return NULL;
}

size_t mux_count(const struct mux *mux)
{
    return mux->count;
}

bool mux_has(const struct mux *mux, struct bytes id)
{
    return find_member(mux, id) != NULL;
}

static void note_error(struct mux *mux, struct bytes id, const struct error *err)
{
    bool expired = err->status == STATUS_EXPIRED;

    mux->ids.none |= id.len > 0;
    mux_note(mux, mux_label(watch_encode_error(err, FRAMING_LINES), id, mux->options.framing,
                            expired && id.len > 0 ? MUX_FORGET_ID : MUX_NO_ID));
}

void mux_fail(struct member *member, const struct error *err)
{
    note_error(member->mux, member->id, err);
    member_end(member);
}

void mux_refuse(struct mux *mux, struct bytes id, const struct error *err)
{
    note_error(mux, id, err);
}

void mux_remove(struct mux *mux, struct bytes id)
{
    struct member *member = find_member(mux, id);

    mux_note(mux, mux_encode_word("UNSUBSCRIBED", id, mux->options.framing));
    if (member != NULL)
        member_end(member);
}

/* ---- the members' sink: only asks for the mux's attention ---- */

static void wake(void *sink)
{
    struct member *member = sink;

    list_append(&member->mux->awake, &member->watcher->link);
    mux_make_ready(member->mux);
}

static void send(struct mux *mux, struct outbox *out);

/* What can be told at once of what has happened up to now goes first; that of all, to keep the
 * order. */
static void flush(struct mux *mux)
{
    struct outbox out = {0};
    size_t steps = 0;

    if (mux->broken || mux->gone || mux->read != NULL || !http_stream_ready(mux->stream))
        return;
    list_for_each(&mux->members, link) {
        struct member *member = list_entry(link, struct member, link);

        if (member->watcher->idle)
            watcher_make_ready(member->watcher);
    }
    if (mux_collect(mux, &out, &steps) == STATUS_NO_MEMORY)
        mux->broken = true;
    else if (out.count > 0)
        send(mux, &out);
    outbox_release(&out);
}

/* Its resource goes away. */
static void end_member(void *sink, uint64_t rev)
{
    struct member *member = sink;
    struct mux *mux = member->mux;

    (void)rev;
    flush(mux);
    mux_note(mux, mux_encode_word("UNSUBSCRIBED", member->id, mux->options.framing));
    member_end(member);
}

/* It may not be told any more: what has happened and was not told stays untold. */
static void fail_member(void *sink, const struct error *err)
{
    struct member *member = sink;

    note_error(member->mux, member->id, err);
    member_end(member);
}

static bool never_ready(const void *sink)
{
    (void)sink;
    return false;
}

static const struct watch_sink_ops member_ops = {
    .ready = never_ready, .end = end_member, .fail = fail_member, .wake = wake};

/* Takes the selectors and the permit. */
static struct member *member_new(struct mux *mux, struct bytes id, const struct watch_spec *given)
{
    struct watch_spec spec = *given;
    struct member *member = calloc(1, sizeof(*member) + id.len + 1);

    if (member == NULL) {
        watch_spec_release(&spec);
        return NULL;
    }
    memcpy(member->id_text, id.ptr, id.len);
    member->id = bytes_of(member->id_text, id.len);
    member->mux = mux;
    spec.framing = FRAMING_LINES;
    spec.bookmarks = false;
    spec.initial_end = spec.initial;
    spec.timeout_ms = 0;
    member->watcher = watcher_new(mux->options.cache, &spec, &member_ops, member);
    if (member->watcher != NULL)
        return member;
    free(member);
    return NULL;
}

enum status mux_add(struct mux *mux, struct bytes id, const struct watch_spec *spec)
{
    struct member *member = member_new(mux, id, spec);

    assert(id.len > 0 && !mux_has(mux, id) && mux->count < MUX_MEMBERS_MAX);
    if (member == NULL)
        return STATUS_NO_MEMORY;
    member->place = ++mux->last_place;
    list_append(&mux->members, &member->link);
    list_append(&mux->awake, &member->watcher->link);
    mux->count++;
    if (member->watcher->cursor >= mux->ids.begun_rev)
        mux->ids = (struct mux_ids){member->watcher->cursor, member->place, mux->ids.none};
    mux_note(mux, mux_encode_word("SUBSCRIBED", id, mux->options.framing));
    return STATUS_OK;
}

/* ---- its ends ---- */

void mux_release(struct mux *mux)
{
    struct outbox unread = {0};

    if (mux->read != NULL)
        (void)mux_take_read(mux, &unread); /* of another generation */
    list_remove(&mux->in_cache);
    free(mux);
}

/* The stream is no more. */
static void mux_free(struct mux *mux)
{
    struct watch_cache *cache = mux->options.cache;
    struct outbox unsent = {0};

    mux->stream = NULL;
    mux->generation++;
    list_remove(&mux->in_cache);
    list_remove(&mux->ready);
    loop_timer_stop(cache->options.loop, &mux->timer);
    while (!list_empty(&mux->members))
        member_end(list_entry(mux->members.next, struct member, link));
    for (; !list_empty(&mux->notes); outbox_release(&unsent))
        mux_take_notes(mux, &unsent);
    if (mux->options.on_gone != NULL)
        mux->options.on_gone(mux->options.user);
    if (mux_read_is_done(mux))
        mux_release(mux);
    else
        list_append(&cache->ended_muxes, &mux->in_cache);
}

static void mux_abort(struct mux *mux)
{
    http_stream_abort(mux->stream);
    mux_free(mux);
}

/* True: it could not go on, and is no more. */
static bool mux_bury(struct mux *mux)
{
    if (mux->gone)
        mux_free(mux);
    else if (mux->broken)
        mux_abort(mux);
    else
        return false;
    return true;
}

static void mux_end(struct mux *mux)
{
    http_stream_end(mux->stream);
    mux_free(mux);
}

/* At an event boundary, with what one write can still tell, and how far it came. */
static void mux_finish(struct mux *mux)
{
    mux->bookmark_due = true;
    flush(mux);
    if (!mux_bury(mux))
        mux_end(mux);
}

void mux_end_all(struct watch_cache *cache)
{
    while (!list_empty(&cache->muxes))
        mux_finish(list_entry(cache->muxes.next, struct mux, in_cache));
}

void mux_forget_all(struct watch_cache *cache)
{
    while (!list_empty(&cache->ended_muxes))
        mux_release(list_entry(cache->ended_muxes.next, struct mux, in_cache));
}

/* ---- the pump ---- */

void mux_make_ready(struct mux *mux)
{
    struct watch_cache *cache = mux->options.cache;

    if (mux->stream == NULL)
        return;
    if (!list_linked(&mux->ready))
        list_append(&cache->ready_muxes, &mux->ready);
    loop_defer(cache->options.loop, &cache->pump_task);
}

/* The client may be found gone inside the write: then the mux is `gone`, and freed at its next turn
 * or by whoever ends it. */
static void send(struct mux *mux, struct outbox *out)
{
    struct watch_cache *cache = mux->options.cache;

    counter_add(&cache->stats.events_sent, out->events);
    counter_add(&cache->stats.bookmarks_sent, out->bookmarks);
    counter_add(&cache->stats.bytes_sent, out->bytes);
    mux->writing = true;
    http_stream_write(mux->stream, out->frames, out->count);
    mux->writing = false;
    outbox_release(out);
    if (mux->gone)
        mux_make_ready(mux);
}

/* Nothing was to be sent: what else is there to do? */
static void go_on(struct mux *mux, enum status st)
{
    if (mux->options.fixed && mux->count == 0 && list_empty(&mux->notes))
        mux_end(mux);
    else if (mux->behind)
        mux_read_log(mux);
    else if (st == STATUS_OK)
        mux_make_ready(mux);
}

static void pump(struct mux *mux, size_t *steps)
{
    struct outbox out = {0};
    enum status st;

    mux->behind = false;
    st = mux->read != NULL ? mux_take_read(mux, &out) : mux_collect(mux, &out, steps);
    if (st == STATUS_NO_MEMORY) {
        outbox_release(&out);
        mux_abort(mux);
    } else if (out.count == 0) {
        go_on(mux, st);
    } else {
        send(mux, &out);
    }
}

size_t mux_pump(struct list *ready)
{
    struct mux *mux = container_of(ready, struct mux, ready);
    size_t steps = PUMP_STEPS;

    if (!mux_bury(mux) && http_stream_ready(mux->stream) && mux_read_is_done(mux))
        pump(mux, &steps); /* else whichever comes back calls again */
    return steps;
}

/* ---- its times ---- */

static void start_timer(struct mux *mux)
{
    struct loop *loop = mux->options.cache->options.loop;
    uint64_t now = loop_now_ms(loop);
    uint64_t at = mux->bookmark_at < mux->deadline ? mux->bookmark_at : mux->deadline;

    loop_timer_start(loop, &mux->timer, at > now ? at - now : 0);
}

static void on_timer(struct loop_timer *timer)
{
    struct mux *mux = container_of(timer, struct mux, timer);
    uint64_t now = loop_now_ms(mux->options.cache->options.loop);

    if (now >= mux->deadline) {
        mux_finish(mux);
        return;
    }
    mux->bookmark_at = now + mux->options.cache->options.bookmark_ms;
    mux->bookmark_due = true;
    mux_make_ready(mux);
    start_timer(mux);
}

/* ---- its start ---- */

struct mux *mux_new(const struct mux_options *options)
{
    struct mux *mux = calloc(1, sizeof(*mux));

    if (mux == NULL)
        return NULL;
    mux->options = *options;
    mux->timer.on_fire = on_timer;
    list_init(&mux->members);
    list_init(&mux->awake);
    list_init(&mux->dropped);
    list_init(&mux->notes);
    return mux;
}

static void on_stream_ready(void *user)
{
    mux_make_ready(user);
}

static void on_stream_gone(void *user)
{
    struct mux *mux = user;

    if (mux->writing)
        mux->gone = true;
    else
        mux_free(mux);
}

static void on_stream_message(void *user, struct bytes message)
{
    struct mux *mux = user;

    if (mux->options.on_message != NULL)
        mux->options.on_message(mux->options.user, message);
}

void mux_start(struct mux *mux, struct http_request *req, const struct http_header *headers,
               size_t header_count)
{
    static const struct http_stream_handler handler = {
        .on_ready = on_stream_ready, .on_gone = on_stream_gone, .on_message = on_stream_message};
    struct watch_cache *cache = mux->options.cache;
    struct http_response head = {200, headers, header_count, NULL};
    uint64_t now = loop_now_ms(cache->options.loop);

    mux->stream = http_start_stream(req, &head, &handler, mux);
    if (mux->stream == NULL) {
        mux_free(mux);
        return;
    }
    list_append(&cache->muxes, &mux->in_cache);
    mux->bookmark_at = now + cache->options.bookmark_ms;
    mux->deadline = mux->options.timeout_ms > 0 ? now + mux->options.timeout_ms : NEVER;
    start_timer(mux);
}
