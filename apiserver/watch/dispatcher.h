/*
 * dispatcher - who must wake for an event: the idle watchers of one resource, by their scope and by
 * one value that their selectors ask for.
 *
 *   pod "default/web" moves from node a to node b
 *
 *   axis                            buckets that are looked at
 *   all                             ""
 *   in a namespace                  "default/"
 *   by name, in any namespace       "/web"
 *   all, by spec.nodeName           "a", "b"
 *   in a namespace, by label app    "default/front"      (its value before, its value now)
 *
 * A watcher stands in one bucket, whose answer every event has that it may see, before or after the
 * change; so an event costs a look-up or two an axis, and nothing for a watcher of another bucket.
 * As cacher.go's trigger function of k8s.io/apiserver, but for any field and label. What no bucket
 * can tell (`!=`, `in`, a second term) is left to the filter.
 *
 * Only a watcher that is idle (told everything up to now) stands in a bucket's list. Woken, it
 * leaves the list until it has caught up again: so one that is slow or already woken is not even
 * looked at, and what a watcher slept through could not have mattered to it.
 *
 * Owner    one resource; an axis lives as long as its buckets, a bucket as long as a watcher
 * belongs to it.   Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_DISPATCHER_H
#define TIDEWATCH_APISERVER_WATCH_DISPATCHER_H

#include "apiserver/watch/filter.h"
#include "base/list.h"
#include "base/map.h"

struct axis;

struct bucket {
    struct list idle;
    struct axis *axis;
    size_t watchers; /* idle or not */
    uint32_t text_len;
    char text[]; /* the scope's, and the value behind it */
};

struct dispatcher {
    struct axis *axes;
    size_t axis_count;
};

/* The bucket of a filter, with one watcher more. NULL without memory. */
struct bucket *dispatcher_join(struct dispatcher *dispatcher, const struct filter *filter);
void dispatcher_leave(struct dispatcher *dispatcher, struct bucket *bucket);
/* Calls `wake` for the idle watchers (by their links) that may see the event, none left out; it may
 * take the link out of its list, and no other. */
void dispatcher_wake(const struct dispatcher *dispatcher, const struct watch_event *event,
                     void (*wake)(void *user, struct list *link), void *user);

#endif
