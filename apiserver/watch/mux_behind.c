/*
 * One read for all members that are awake: the log has one order, and reading it costs the same
 * whatever is looked for. What comes back is in that order, labelled, and as much as one write
 * takes.
 */
#include "apiserver/watch/mux_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

/* What the history thread knows of a member, which stays until the job is done, ended or not. */
struct reading {
    struct member *member;
    uint64_t upto; /* the member has been told, as of this read */
    bool needs_columns;
};

struct mux_read {
    struct history_job job;
    struct mux *mux;
    unsigned generation;
    bool done;
    uint64_t after_rev;
    uint64_t last_rev; /* what came later has not reached this loop's windows */
    struct mux_ids ids;
    uint64_t told_rev;
    enum watch_framing framing;
    bool cut_short; /* in the middle of what the log has: all were told up to `upto` */
    uint64_t upto;
    enum status status;
    struct error err;
    struct outbox out;
    size_t count;
    struct reading members[];
};

/* ---- on a history thread: reads of members and watchers only what does not change ---- */

static bool is_of_resource(const struct reading *reading, struct bytes key)
{
    return bytes_starts_with(key, filter_prefix(&reading->member->watcher->interest->filter));
}

static bool take_for(struct mux_read *read, struct reading *reading, struct watch_event *event)
{
    const struct watcher *watcher = reading->member->watcher;
    enum watch_type type = filter_event(&watcher->interest->filter, event);
    bool has_id = mux_ids_allow(&read->ids, reading->member, event->rev);
    struct frame *line;

    if (type == WATCH_NONE || !watch_event_shows(event, type, &watcher->interest->format))
        return true;
    line = watch_event_encode_own(event, type, &watcher->interest->format, reading->needs_columns);
    reading->needs_columns = false;
    read->told_rev = event->rev;
    read->out.events++;
    return outbox_add(&read->out, mux_label(line, reading->member->id, read->framing,
                                            has_id ? event->rev : MUX_NO_ID));
}

/* True: all members have passed the event. */
static bool take_for_all(struct mux_read *read, struct watch_event *event)
{
    for (size_t i = 0; i < read->count; i++) {
        struct reading *reading = &read->members[i];

        if (reading->upto >= event->rev || !is_of_resource(reading, watch_event_key(event)))
            continue;
        if (outbox_full(&read->out))
            return false;
        if (!take_for(read, reading, event)) {
            read->status = STATUS_NO_MEMORY;
            return false;
        }
        reading->upto = event->rev;
    }
    return true;
}

static bool concerns_any(const struct mux_read *read, struct bytes key)
{
    for (size_t i = 0; i < read->count; i++)
        if (is_of_resource(&read->members[i], key))
            return true;
    return false;
}

static bool pass_event(struct mux_read *read, const struct event *event)
{
    struct watch_event *seen = watch_event_new(event);
    bool passed = seen != NULL && take_for_all(read, seen);

    if (seen == NULL)
        read->status = STATUS_NO_MEMORY;
    watch_event_unref(seen);
    return passed;
}

static bool take_event(void *user, const struct event *event)
{
    struct mux_read *read = user;

    if (event->rev > read->last_rev)
        read->upto = read->last_rev;
    else if (!concerns_any(read, event->key) || pass_event(read, event))
        read->upto = event->rev;
    read->cut_short = read->upto != event->rev;
    return !read->cut_short;
}

static void run(struct history_job *job, struct storage *storage)
{
    struct mux_read *read = container_of(job, struct mux_read, job);
    uint64_t upto = read->after_rev;
    struct events_asked asked = behind_asks_least;
    enum status st;

    for (size_t i = 0; i < read->count; i++)
        behind_ask(read->members[i].member->watcher, &asked);
    st = storage_read_events(storage, read->after_rev, &asked, take_event, read, &upto, &read->err);
    if (read->status == STATUS_OK)
        read->status = st;
    if (!read->cut_short && upto > read->upto)
        read->upto = upto < read->last_rev ? upto : read->last_rev;
    if (read->status == STATUS_OK && read->out.count == 0 && read->upto <= read->after_rev)
        read->status = STATUS_INTERNAL; /* it would ask for the same for ever */
}

/* ---- on the loop ---- */

static void free_read(struct mux_read *read)
{
    if (read == NULL)
        return;
    outbox_release(&read->out);
    error_release(&read->err);
    free(read);
}

bool mux_read_is_done(const struct mux *mux)
{
    return mux->read == NULL || mux->read->done;
}

static void fail_member(struct member *member, const struct mux_read *read)
{
    struct watch_cache *cache = member->mux->options.cache;
    struct error err = {0};

    if (read->status == STATUS_EXPIRED) {
        counter_add(&cache->stats.expired, 1);
        error_set(&err, read->status, "too old resource version: %" PRIu64 " (%" PRIu64 ")",
                  member->watcher->cursor, storage_floor(cache->options.storage));
    } else {
        behind_explain(&err, member->watcher->cursor, read->status, &read->err);
    }
    mux_fail(member, &err);
    error_release(&err);
}

/* Only those whose history is gone, or who cannot go on without the log. */
static void fail_members(struct mux *mux, const struct mux_read *read)
{
    uint64_t floor = storage_floor(mux->options.cache->options.storage);
    bool expired = read->status == STATUS_EXPIRED;

    if (!expired)
        LOG_ERROR("cannot read the log for a watch", LOG_STR("why", error_message(&read->err)));
    list_for_each(&mux->members, link) {
        struct member *member = list_entry(link, struct member, link);
        const struct watcher *watcher = member->watcher;

        if (watcher->state != WATCHER_INITIAL &&
            (expired ? watcher->cursor < floor : watcher_is_behind(watcher)))
            fail_member(member, read);
    }
}

static void advance(const struct mux_read *read)
{
    for (size_t i = 0; i < read->count; i++) {
        const struct reading *reading = &read->members[i];
        struct watcher *watcher = reading->member->watcher;
        uint64_t upto = reading->upto > read->upto ? reading->upto : read->upto;

        if (watcher->cursor < upto)
            watcher->cursor = upto;
        if (!reading->needs_columns)
            watcher->has_columns = true;
    }
}

enum status mux_take_read(struct mux *mux, struct outbox *out)
{
    struct mux_read *read = mux->read;
    enum status st = read->status == STATUS_NO_MEMORY ? STATUS_NO_MEMORY : STATUS_OK;

    mux->read = NULL;
    if (read->generation != mux->generation) {
        st = STATUS_OK; /* a member has ended meanwhile: what was read may be its */
    } else if (read->status == STATUS_OK) {
        advance(read);
        if (mux->told_rev < read->told_rev)
            mux->told_rev = read->told_rev;
        counter_add(&mux->options.cache->stats.events_encoded[FRAMING_LINES], read->out.events);
        *out = read->out;
        read->out = (struct outbox){0};
    } else if (st == STATUS_OK) {
        fail_members(mux, read);
    }
    free_read(read);
    while (!list_empty(&mux->dropped)) {
        struct member *member = list_entry(mux->dropped.next, struct member, link);

        list_remove(&member->link);
        watcher_release(member->watcher);
        free(member);
    }
    return st;
}

static void on_done(struct history_job *job)
{
    struct mux_read *read = container_of(job, struct mux_read, job);
    struct mux *mux = read->mux;

    read->done = true;
    if (mux->stream == NULL)
        mux_release(mux);
    else
        mux_make_ready(mux);
}

/* In the order they were added, which is the order of what one event is to several. */
static void choose_members(struct mux *mux, struct mux_read *read)
{
    list_for_each(&mux->members, link) {
        struct member *member = list_entry(link, struct member, link);
        const struct watcher *watcher = member->watcher;

        if (watcher->idle)
            continue;
        read->members[read->count++] =
            (struct reading){member, watcher->cursor, watcher_needs_columns(watcher)};
        if (watcher->cursor < read->after_rev)
            read->after_rev = watcher->cursor;
    }
}

void mux_read_log(struct mux *mux)
{
    struct watch_cache *cache = mux->options.cache;
    struct mux_read *read = calloc(1, sizeof(*read) + mux->count * sizeof(struct reading));

    if (read == NULL) {
        mux->broken = true;
        mux_make_ready(mux);
        return;
    }
    read->job.run = run;
    read->job.on_done = on_done;
    read->job.loop = cache->options.loop;
    read->mux = mux;
    read->generation = mux->generation;
    read->after_rev = UINT64_MAX;
    read->last_rev = cache->rev;
    read->ids = mux->ids;
    read->framing = mux->options.framing;
    choose_members(mux, read);
    read->upto = read->after_rev;
    mux->read = read;
    counter_add(&cache->stats.behind_reads, 1);
    history_submit(cache->options.history, &read->job);
}
