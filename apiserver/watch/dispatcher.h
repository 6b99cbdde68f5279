/*
 * dispatcher - who must wake for an event: the idle watchers of one resource, by their scope.
 *
 *   event "default/web"  ->  everyone: ALL, and the buckets "default/web", "default/", "/web"
 *
 * Only a watcher that is idle (told everything up to now) stands in a bucket's list. Woken, it
 * leaves the list until it has caught up again: so one that is slow or already woken is not even
 * looked at, and what a watcher slept through could not have mattered to it.
 *
 * Owner    one resource; buckets live as long as a watcher belongs to them.   Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_DISPATCHER_H
#define TIDEWATCH_APISERVER_WATCH_DISPATCHER_H

#include "apiserver/watch/filter.h"
#include "base/list.h"
#include "base/map.h"

struct bucket {
    struct list idle;
    size_t watchers; /* idle or not */
    struct bytes text;
    char text_data[];
};

struct dispatcher {
    struct bucket *everyone; /* SCOPE_ALL */
    struct map buckets;      /* the others, by scope text */
};

/* The bucket of a scope, with one watcher more. NULL without memory. */
struct bucket *dispatcher_join(struct dispatcher *dispatcher, const struct filter *filter);
void dispatcher_leave(struct dispatcher *dispatcher, struct bucket *bucket);
/* Calls `wake` for each idle watcher (by its link) in whose scope the key is; it may take the link
 * out of its list, and no other. `suffix` is what follows the resource part of the key. */
void dispatcher_wake(const struct dispatcher *dispatcher, struct bytes suffix,
                     void (*wake)(void *user, struct list *link), void *user);

#endif
