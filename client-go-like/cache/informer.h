/*
 * informer - a tw_informer from the inside. Internal.
 *
 *   informer.c   its life, and what the reflector and the store tell it
 *   handler.c    one handler: its queue and thread
 *   factory.c    many informers
 *
 * Locks, outer first: the store's `writing`, the informer's `lock`, a fifo's. A handler joins under
 * the first two, so that no change falls between the state it is given and the changes that follow.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_INFORMER_H
#define TIDEWATCH_CLIENT_CACHE_INFORMER_H

#include <tidewatch/informer.h>

#include "base/list.h"
#include "client-go-like/cache/delta_fifo.h"
#include "client-go-like/cache/reflector.h"
#include "client-go-like/cache/store.h"

enum { RESYNC_MIN_MS = 1000 }; /* CG tools/cache/shared_informer.go, minimumResyncPeriod */

struct tw_handler {
    struct list link;
    tw_informer *informer;
    tw_handler_options to;
    struct delta_fifo fifo;
    pthread_t thread;
    bool running;
    uint64_t resync_at_ms;   /* its thread's; WAIT_FOR_EVER: none, or one is queued */
    uint64_t resync_next_ms; /* and the one after that */
    bool sync_marked;        /* the end of its first state is queued; under the informer's lock */
    atomic_bool synced;
    _Atomic(uint64_t) told;
    /* Instead of the functions of `to`, for the file. */
    void (*on_delta)(void *user, struct delta *delta);
};

struct tw_informer {
    tw_store *store;
    tw_reflector *reflector;
    uint64_t (*now_ms)(void);
    struct informer_file *file; /* NULL: none */
    tw_handler *file_handler;   /* whose thread writes it */
    atomic_bool wants_snapshot; /* for the file, with the next version */
    pthread_mutex_t lock;       /* what follows */
    struct list handlers;
    bool started, stopped, synced;
};

tw_status informer_new(tw_client *client, const tw_resource *resource,
                       const tw_informer_options *options, const struct reflector_env *env,
                       tw_informer **ret_informer, tw_error **reterr);
/* What makes two informers see the same: the path of their list, and what of each object it asks.
 */
void informer_selection(struct buf *out, const tw_resource *resource,
                        const tw_informer_options *options);
/* Makes the handlers of a tw_informer look at their queues, and at the clock: after each write, and
 * for tests, which turn it. */
void informer_wake(void *informer);

/* From now on it is told every change; before that what is there, if it `replays`. */
void informer_join(tw_informer *informer, tw_handler *handler, bool replays);

tw_status handler_new(tw_informer *informer, const tw_handler_options *options,
                      tw_handler **ret_handler, tw_error **reterr);
tw_status handler_start(tw_handler *handler, tw_error **reterr);
/* Waits for its thread; its queue is closed. */
void handler_join(tw_handler *handler);
/* Closes its queue, waits for its thread, frees it. */
void handler_free(tw_handler *handler);

#endif
