/*
 * window - the last events of one resource on one loop, oldest first: where watchers read on.
 *
 * Shape    a ring of references, bounded by a count and by bytes; full, it drops its oldest. It
 * grows with use, so that a quiet resource costs nothing. Revisions rise. Complete `dropped_rev` is
 * what tells a reader the truth: with a cursor at or above it every later event is here; below it
 * something may be missing, and the log on disk must be asked. Owner    the window has references.
 * Threads  its loop. Errors   without memory to grow it keeps fewer events: readers then ask the
 * log.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_WINDOW_H
#define TIDEWATCH_APISERVER_WATCH_WINDOW_H

#include "apiserver/watch/watch_event.h"

struct window {
    struct watch_event **ring;
    size_t first, count, capacity; /* capacity is 0 or a power of two */
    size_t bytes;
    size_t count_max, bytes_max;
    uint64_t dropped_rev;
};

/* `since`: the revision whose state is known; the events after it will be pushed. */
void window_init(struct window *window, size_t count_max, size_t bytes_max, uint64_t since);
void window_release(struct window *window);
void window_push(struct window *window, struct watch_event *event);
/* The place of the first event newer than `rev`, or `count`. */
size_t window_find(const struct window *window, uint64_t rev);

static inline struct watch_event *window_at(const struct window *window, size_t at)
{
    return window->ring[(window->first + at) & (window->capacity - 1)];
}

#endif
