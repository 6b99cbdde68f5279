#include "apiserver/watch/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/planted.h"

/* One read brings what one write can take, filtered and encoded on the history's thread, and is
 * written at once: a watcher that stalls holds no piece of the log. What does not match is read on
 * over, up to SCAN_BYTES in one go. */
enum { SCAN_BYTES = 1024 * 1024 };

struct log_read {
    struct history_job job;
    struct watcher *watcher; /* stays until the job is done, ended or not */
    uint64_t after_rev, upto;
    bool with_columns, full;
    bool done; /* and waits for the sink */
    enum status status;
    struct error err;
    struct outbox out;
};

/* Bytes that are shown as they are need not be read. */
static struct value *load_image(void *user, struct bytes key, struct bytes stored, uint64_t rev)
{
    struct object *object;
    struct error err = {0};

    (void)user;
    if (object_load_image(stored, rev, &object, &err) == STATUS_OK)
        return &object->base;
    LOG_ERROR("stored object cannot be read", LOG_BYTES("key", key),
              LOG_STR("why", error_message(&err)));
    error_release(&err);
    return NULL;
}

const struct events_asked behind_asks_least = {
    .max_bytes = SCAN_BYTES, .no_prev = true, .load = load_image};

/* What was replaced matters to a selector, and to a projection, which may show no difference. */
void behind_ask(const struct watcher *watcher, struct events_asked *asked)
{
    const struct view *view = &watcher->interest->format.view;

    if (!filter_is_scope(&watcher->interest->filter) || view->projection != NULL)
        asked->no_prev = false;
    if (!filter_is_scope(&watcher->interest->filter) || view->shape != VIEW_OBJECT)
        asked->load = NULL;
}

static bool take_event(void *user, const struct event *event)
{
    struct log_read *read = user;
    const struct watcher *watcher = read->watcher;
    struct watch_event *seen = watch_event_new(event);
    enum watch_type type =
        seen != NULL ? filter_event(&watcher->interest->filter, seen) : WATCH_NONE;
    bool ok = seen != NULL;

    if (type != WATCH_NONE && !watch_event_shows(seen, type, &watcher->interest->format))
        type = WATCH_NONE;
    if (type != WATCH_NONE) {
        ok = outbox_add(&read->out, watch_event_encode_own(seen, type, &watcher->interest->format,
                                                           read->with_columns));
        read->out.events++;
        read->with_columns = false;
    }
    watch_event_unref(seen);
    if (!ok) {
        read->status = STATUS_NO_MEMORY;
        return false;
    }
    read->upto = event->rev;
    read->full = outbox_full(&read->out);
    return !read->full;
}

/* On a history thread. Reads of the watcher only what does not change. */
static void run(struct history_job *job, struct storage *storage)
{
    struct log_read *read = container_of(job, struct log_read, job);
    uint64_t upto = read->after_rev;
    struct events_asked asked = behind_asks_least;
    enum status st;

    asked.prefix = filter_key_prefix(&read->watcher->interest->filter);
    behind_ask(read->watcher, &asked);
    st = storage_read_events(storage, read->after_rev, &asked, take_event, read, &upto, &read->err);
    if (read->status == STATUS_OK)
        read->status = st;
    if (read->status == STATUS_OK && !read->full && upto > read->upto)
        read->upto = upto;
}

/* Why stays in the log: it may name what the watch does not see. A missing key names itself alone,
 * and whoever asks must bring it. */
void behind_explain(struct error *reterr, uint64_t after_rev, enum status st,
                    const struct error *why)
{
    bool sealed = st == STATUS_SEALED;

    error_set(reterr, st, "cannot read the history after resource version %" PRIu64 "%s%s",
              after_rev, sealed ? ": " : "", sealed ? error_message(why) : "");
}

static void fail(struct watcher *watcher, const struct log_read *read)
{
    struct error err = {0};

    if (read->status == STATUS_EXPIRED) {
        counter_add(&watcher->resource->cache->stats.expired, 1);
        error_set(&err, read->status, "too old resource version: %" PRIu64 " (%" PRIu64 ")",
                  watcher->cursor, storage_floor(watcher->resource->cache->options.storage));
    } else {
        LOG_ERROR("cannot read the log for a watch",
                  LOG_BYTES("resource", watcher->resource->prefix),
                  LOG_STR("why", error_message(&read->err)));
        behind_explain(&err, watcher->cursor, read->status, &read->err);
    }
    watcher_fail(watcher, &err);
    error_release(&err);
}

static void go_on(struct watcher *watcher, struct log_read *read)
{
    if (read->status == STATUS_OK && read->upto <= read->after_rev)
        read->status = STATUS_INTERNAL; /* it would ask for the same for ever */
    if (read->status != STATUS_OK) {
        fail(watcher, read);
        return;
    }
    watcher->cursor = read->upto;
    counter_add(&watcher->resource->cache->stats.events_encoded[watcher->interest->format.framing],
                read->out.events);
    if (read->out.events == 0) {
        watcher_make_ready(watcher);
        return;
    }
    watcher->has_columns = true;
    watcher->told = read->upto;
    outbox_send(&read->out, watcher);
}

static void read_free(struct log_read *read)
{
    if (read == NULL)
        return;
    outbox_release(&read->out);
    error_release(&read->err);
    free(read);
}

void behind_forget(struct watcher *watcher)
{
    read_free(watcher->read);
    watcher->read = NULL;
    if (watcher->state == WATCHER_ENDED)
        watcher_release(watcher);
}

bool behind_drop(struct watcher *watcher)
{
    if (watcher->read == NULL)
        return true;
    if (!watcher->read->done)
        return false;
    read_free(watcher->read);
    watcher->read = NULL;
    return true;
}

/* A stream that could take bytes when the log was asked may be writing something of its own by now:
 * a WebSocket's ping. */
void behind_go_on(struct watcher *watcher)
{
    struct log_read *read = watcher->read;

    if (!read->done || !watcher->ops->ready(watcher->sink))
        return;
    watcher->read = NULL;
    if (watcher->stale)
        watcher_end(watcher);
    else
        go_on(watcher, read);
    read_free(read);
}

static void on_done(struct history_job *job)
{
    struct log_read *read = container_of(job, struct log_read, job);
    struct watcher *watcher = read->watcher;

    if (watcher->state == WATCHER_ENDED) {
        behind_forget(watcher);
        return;
    }
    read->done = true;
    behind_go_on(watcher);
}

void behind_read(struct watcher *watcher)
{
    struct log_read *read = calloc(1, sizeof(*read));

    if (read == NULL) {
        watcher_abort(watcher);
        return;
    }
    read->job.run = run;
    read->job.on_done = on_done;
    read->job.loop = watcher->resource->cache->options.loop;
    read->watcher = watcher;
    read->after_rev = read->upto = watcher->cursor;
    if (PLANTED(late_start) &&
        watcher->cursor < storage_floor(watcher->resource->cache->options.storage))
        read->after_rev = read->upto = storage_floor(watcher->resource->cache->options.storage);
    read->with_columns = watcher_needs_columns(watcher);
    watcher->read = read;
    counter_add(&watcher->resource->cache->stats.behind_reads, 1);
    history_submit(watcher->resource->cache->options.history, &read->job);
}
