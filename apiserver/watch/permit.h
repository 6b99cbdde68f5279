/*
 * permit - the right to watch, which may end before the watch does.
 *
 *   spec.permit --> watcher --watch_cache_recheck(): holds() is false--> ERROR, and the end
 *
 * Owner    embedded in its owner's struct; the watcher's from watcher_new() on, which calls
 *          release() once when the watch is over, or could not begin.
 * Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_PERMIT_H
#define TIDEWATCH_APISERVER_WATCH_PERMIT_H

#include "apiserver/watch/watch_cache.h"

struct watch_permit {
    void (*release)(struct watch_permit *permit);
};

/* NULL is fine. */
static inline void watch_permit_release(struct watch_permit *permit)
{
    if (permit != NULL)
        permit->release(permit);
}

/* Asks of every watch that has a permit whether it still holds. One that does not gets `reterr`,
 * which holds() has set, as an ERROR event, and ends; one whose client takes nothing is cut. */
void watch_cache_recheck(struct watch_cache *cache,
                         bool (*holds)(void *user, struct watch_permit *permit,
                                       struct error *reterr),
                         void *user);

#endif
