/*
 * delta_fifo - what one handler has still to be told, in order. Internal.
 *
 *   the store's writer --push--> [ delta ][ delta ] .. --pop--> the handler's thread
 *
 * client-go has one such queue in front of its store and one behind it for each handler. Here the
 * reflector writes straight into the store, whose versions make that safe, and only the second kind
 * is left: what a reader sees is never older than what a handler was told.
 *
 * Shape    a ring that grows. Its reader is woken for many deltas at once (delta_fifo_wake()), not
 *          for each: a thread that sleeps costs several times what a delta does to wake. A replay
 * (the objects a late handler must be told, or a resync) is one delta, however large: the version
 * of the store it stands for. Owner    the fifo holds references to what its deltas name; who pops
 * one gets them. Threads  any number push, one pops. Errors   nothing is ever dropped: with
 * `capacity_max` deltas, or without memory for more, the writer waits until one is popped or the
 * fifo is closed.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_DELTA_FIFO_H
#define TIDEWATCH_CLIENT_CACHE_DELTA_FIFO_H

#include <tidewatch/indexer.h>

#include <pthread.h>

enum delta_type {
    DELTA_ADDED,
    DELTA_UPDATED,
    DELTA_DELETED,
    DELTA_REPLACED, /* added or updated, as a list found it */
    DELTA_SYNC,     /* every object of `snapshot` again, though nothing has changed */
    DELTA_REPLAY,   /* every object of `snapshot`, for one who has not seen any */
    DELTA_SYNCED,   /* the first state ends here */
    DELTA_VERSION,  /* all up to `rv` was told; with `snapshot` if one was asked for */
};

struct delta {
    enum delta_type type;
    bool initial, tombstone;
    tw_object *object, *old; /* of the first four */
    tw_snapshot *snapshot;
    char *rv;
};

struct delta_fifo {
    pthread_mutex_t lock;
    pthread_cond_t readable, writable;
    struct delta *ring;
    size_t first, count, capacity, capacity_max;
    size_t deepest; /* that it has ever been */
    bool closed;
};

/* `capacity_max` 0: as much as there is memory. False without memory. */
bool delta_fifo_init(struct delta_fifo *fifo, size_t capacity_max);
void delta_fifo_release(struct delta_fifo *fifo);
/* Takes the delta's references over, closed or not. Who has no more to push wakes the reader. */
void delta_fifo_push(struct delta_fifo *fifo, struct delta delta);
/* The same without waiting; false, and the references stay the caller's, where there is no room. */
bool delta_fifo_offer(struct delta_fifo *fifo, struct delta delta);
void delta_fifo_push_change(struct delta_fifo *fifo, const tw_change *change);
/* TW_OK; TW_ERR_TIMEOUT: none until clock_monotonic_ms() was `until_ms`, or someone woke us;
 * TW_END: closed, whatever is left. */
tw_status delta_fifo_pop(struct delta_fifo *fifo, uint64_t until_ms, struct delta *ret_delta);
/* Has it look at what there is, and at the clock. */
void delta_fifo_wake(struct delta_fifo *fifo);
void delta_fifo_close(struct delta_fifo *fifo);
size_t delta_fifo_depth(struct delta_fifo *fifo, size_t *ret_deepest);
void delta_release(struct delta *delta);

#endif
