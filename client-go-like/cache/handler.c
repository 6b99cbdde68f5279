#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/cache/informer.h"
#include "client-go-like/wait.h"

enum {
    RESYNC_RETRY_MS = 10,
    QUEUE_LEAST = 4, /* what joining puts in at once */
};

tw_status handler_new(tw_informer *informer, const tw_handler_options *options,
                      tw_handler **ret_handler, tw_error **reterr)
{
    tw_handler *h = calloc(1, sizeof(*h));

    size_t queue_max = options->queue_max;

    if (queue_max != 0 && queue_max < QUEUE_LEAST)
        queue_max = QUEUE_LEAST;
    if (h == NULL || !delta_fifo_init(&h->fifo, queue_max)) {
        free(h);
        return tw_fail_no_memory(reterr);
    }
    h->informer = informer;
    h->to = *options;
    h->resync_at_ms = WAIT_FOR_EVER;
    if (h->to.resync_ms != 0) {
        h->to.resync_ms = h->to.resync_ms < RESYNC_MIN_MS ? RESYNC_MIN_MS : h->to.resync_ms;
        h->resync_at_ms = informer->now_ms() + h->to.resync_ms;
    }
    *ret_handler = h;
    return TW_OK;
}

/* ---- telling ---- */

static void tell_add(tw_handler *h, tw_object *object, bool initial)
{
    atomic_fetch_add(&h->told, 1);
    if (h->to.on_add != NULL)
        h->to.on_add(h->to.user, object, initial);
}

static void tell_update(tw_handler *h, tw_object *old, tw_object *object)
{
    atomic_fetch_add(&h->told, 1);
    if (h->to.on_update != NULL)
        h->to.on_update(h->to.user, old, object);
}

static void tell_delete(tw_handler *h, tw_object *object, bool tombstone)
{
    atomic_fetch_add(&h->told, 1);
    if (h->to.on_delete != NULL)
        h->to.on_delete(h->to.user, object, tombstone);
}

/* Someone who ends the informer does not wait for a long replay. */
static bool goes_on(tw_handler *h)
{
    bool closed;

    pthread_mutex_lock(&h->fifo.lock);
    closed = h->fifo.closed;
    pthread_mutex_unlock(&h->fifo.lock);
    return !closed;
}

static bool replay_one(void *user, tw_object *object)
{
    tell_add(user, object, true);
    return goes_on(user);
}

static bool sync_one(void *user, tw_object *object)
{
    tell_update(user, object, object);
    return goes_on(user);
}

static void tell(tw_handler *h, struct delta *delta)
{
    switch (delta->type) {
    case DELTA_ADDED:
    case DELTA_UPDATED:
    case DELTA_REPLACED:
        if (delta->old != NULL)
            tell_update(h, delta->old, delta->object);
        else
            tell_add(h, delta->object, delta->initial);
        break;
    case DELTA_DELETED:
        tell_delete(h, delta->object, delta->tombstone);
        break;
    case DELTA_REPLAY:
        tw_snapshot_each(delta->snapshot, NULL, NULL, replay_one, h);
        break;
    case DELTA_SYNC:
        tw_snapshot_each(delta->snapshot, NULL, NULL, sync_one, h);
        h->resync_at_ms = h->resync_next_ms;
        break;
    case DELTA_SYNCED:
        atomic_store(&h->synced, true);
        break;
    case DELTA_VERSION:
        break;
    }
}

/* ---- the thread ---- */

/* Queues the present state as a resync: behind what is queued, so that no object goes back. Never
 * waits for the writer, who may be waiting for us: what does not succeed now is tried again. */
static void resync(tw_handler *h)
{
    tw_store *store = h->informer->store;
    struct delta delta = {.type = DELTA_SYNC};

    h->resync_next_ms = h->informer->now_ms() + h->to.resync_ms;
    h->resync_at_ms += RESYNC_RETRY_MS;
    if (pthread_mutex_trylock(&store->writing) != 0)
        return;
    delta.snapshot = tw_store_snapshot(store);
    if (delta_fifo_offer(&h->fifo, delta))
        h->resync_at_ms = WAIT_FOR_EVER; /* until it was told */
    else
        delta_release(&delta);
    pthread_mutex_unlock(&store->writing);
}

static void *run(void *user)
{
    tw_handler *h = user;
    struct delta delta;
    tw_status st;

    while ((st = delta_fifo_pop(&h->fifo, h->resync_at_ms, &delta)) != TW_END) {
        if (st == TW_OK) {
            if (h->on_delta != NULL)
                h->on_delta(h->to.user, &delta);
            else
                tell(h, &delta);
            delta_release(&delta);
        }
        if (h->resync_at_ms != WAIT_FOR_EVER && h->informer->now_ms() >= h->resync_at_ms)
            resync(h);
    }
    return NULL;
}

tw_status handler_start(tw_handler *h, tw_error **reterr)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all); /* a handler's thread is no place for the program's signals */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    h->running = rc == 0;
    return h->running ? TW_OK : tw_fail(reterr, TW_ERR_NO_MEMORY, "cannot start a thread");
}

void handler_join(tw_handler *h)
{
    if (h->running)
        pthread_join(h->thread, NULL);
    h->running = false;
}

void handler_free(tw_handler *h)
{
    delta_fifo_close(&h->fifo);
    handler_join(h);
    delta_fifo_release(&h->fifo);
    free(h);
}

bool tw_handler_has_synced(tw_handler *h)
{
    return atomic_load(&h->synced);
}

void tw_handler_get_status(tw_handler *h, tw_handler_status *ret_status)
{
    ret_status->synced = atomic_load(&h->synced);
    ret_status->told = atomic_load(&h->told);
    ret_status->depth = delta_fifo_depth(&h->fifo, &ret_status->deepest);
}
