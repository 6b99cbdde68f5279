#include "client-go-like/cache/delta_fifo.h"

#include <stdlib.h>

#include "client-go-like/wait.h"

enum {
    FIRST_CAPACITY = 64,
    WAKE_EVERY = 1024, /* deltas of one write: of a list that is long the first are told soon */
};

bool delta_fifo_init(struct delta_fifo *f, size_t capacity_max)
{
    size_t capacity =
        capacity_max != 0 && capacity_max < FIRST_CAPACITY ? capacity_max : FIRST_CAPACITY;

    *f = (struct delta_fifo){.capacity = capacity, .capacity_max = capacity_max};
    if ((f->ring = calloc(capacity, sizeof(f->ring[0]))) == NULL)
        return false;
    pthread_mutex_init(&f->lock, NULL);
    wait_init(&f->readable);
    wait_init(&f->writable);
    return true;
}

void delta_release(struct delta *delta)
{
    tw_object_unref(delta->object);
    tw_object_unref(delta->old);
    tw_snapshot_release(delta->snapshot);
    free(delta->rv);
    *delta = (struct delta){.object = NULL};
}

void delta_fifo_release(struct delta_fifo *f)
{
    if (f->ring == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        delta_release(&f->ring[(f->first + i) % f->capacity]);
    free(f->ring);
    f->ring = NULL;
    pthread_cond_destroy(&f->readable);
    pthread_cond_destroy(&f->writable);
    pthread_mutex_destroy(&f->lock);
}

static void grow_locked(struct delta_fifo *f)
{
    size_t capacity = f->capacity * 2;
    struct delta *ring;

    if (f->capacity_max != 0 && capacity > f->capacity_max)
        capacity = f->capacity_max;
    if (capacity <= f->capacity || (ring = calloc(capacity, sizeof(*ring))) == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        ring[i] = f->ring[(f->first + i) % f->capacity];
    free(f->ring);
    f->ring = ring;
    f->capacity = capacity;
    f->first = 0;
}

static void append_locked(struct delta_fifo *f, const struct delta *delta)
{
    f->ring[(f->first + f->count++) % f->capacity] = *delta;
    if (f->count > f->deepest)
        f->deepest = f->count;
    if (f->count % WAKE_EVERY == 0)
        pthread_cond_signal(&f->readable);
}

void delta_fifo_push(struct delta_fifo *f, struct delta delta)
{
    bool dropped;

    pthread_mutex_lock(&f->lock);
    if (f->count == f->capacity)
        grow_locked(f);
    while (f->count == f->capacity && !f->closed) {
        pthread_cond_signal(&f->readable);
        pthread_cond_wait(&f->writable, &f->lock);
    }
    dropped = f->closed;
    if (!dropped)
        append_locked(f, &delta);
    pthread_mutex_unlock(&f->lock);
    if (dropped)
        delta_release(&delta);
}

bool delta_fifo_offer(struct delta_fifo *f, struct delta delta)
{
    bool fits;

    pthread_mutex_lock(&f->lock);
    if (f->count == f->capacity)
        grow_locked(f);
    fits = !f->closed && f->count < f->capacity;
    if (fits)
        append_locked(f, &delta);
    pthread_mutex_unlock(&f->lock);
    return fits;
}

void delta_fifo_push_change(struct delta_fifo *f, const tw_change *change)
{
    static const enum delta_type types[] = {
        [TW_CHANGE_ADDED] = DELTA_ADDED,
        [TW_CHANGE_UPDATED] = DELTA_UPDATED,
        [TW_CHANGE_DELETED] = DELTA_DELETED,
    };
    bool deleted = change->type == TW_CHANGE_DELETED;

    delta_fifo_push(f,
                    (struct delta){
                        .type = change->replaced && !deleted ? DELTA_REPLACED : types[change->type],
                        .initial = change->initial,
                        .tombstone = change->tombstone,
                        .object = tw_object_ref(change->object),
                        .old = change->old != NULL ? tw_object_ref(change->old) : NULL,
                    });
}

tw_status delta_fifo_pop(struct delta_fifo *f, uint64_t until_ms, struct delta *ret_delta)
{
    tw_status st = TW_OK;

    pthread_mutex_lock(&f->lock);
    if (f->count == 0 && !f->closed)
        wait_until(&f->readable, &f->lock, until_ms);
    if (f->closed) {
        st = TW_END;
    } else if (f->count == 0) {
        st = TW_ERR_TIMEOUT;
    } else {
        *ret_delta = f->ring[f->first];
        f->first = (f->first + 1) % f->capacity;
        f->count--;
        pthread_cond_signal(&f->writable);
    }
    pthread_mutex_unlock(&f->lock);
    return st;
}

void delta_fifo_wake(struct delta_fifo *f)
{
    pthread_mutex_lock(&f->lock); /* it waits already, or will look first */
    pthread_mutex_unlock(&f->lock);
    pthread_cond_broadcast(&f->readable); /* without the lock: who wakes up needs it */
}

void delta_fifo_close(struct delta_fifo *f)
{
    pthread_mutex_lock(&f->lock);
    f->closed = true;
    pthread_cond_broadcast(&f->readable);
    pthread_cond_broadcast(&f->writable);
    pthread_mutex_unlock(&f->lock);
}

size_t delta_fifo_depth(struct delta_fifo *f, size_t *ret_deepest)
{
    size_t count;

    pthread_mutex_lock(&f->lock);
    count = f->count;
    *ret_deepest = f->deepest;
    pthread_mutex_unlock(&f->lock);
    return count;
}
