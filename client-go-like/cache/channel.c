#include "client-go-like/cache/channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "client-go-like/fail.h"

enum { STOP_CHECK_MS = 100 };

struct tw_channel {
    pthread_mutex_t lock;
    pthread_cond_t readable, writable;
    bool closed;
    size_t first, count, capacity;
    tw_change ring[];
};

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* a wait must not follow the wall clock */
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

/* Waits until `until_ms` of clock_monotonic_ms(); false once that has passed. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ms)
{
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};

    return pthread_cond_timedwait(cond, lock, &until) == 0;
}

tw_status tw_channel_new(size_t capacity, tw_channel **ret_channel, tw_error **reterr)
{
    tw_channel *ch;

    if (capacity == 0 || capacity > SIZE_MAX / 2 / sizeof(tw_change))
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a channel of capacity %zu", capacity);
    ch = calloc(1, sizeof(*ch) + capacity * sizeof(ch->ring[0]));
    if (ch == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_init(&ch->lock, NULL);
    init_cond(&ch->readable);
    init_cond(&ch->writable);
    ch->capacity = capacity;
    *ret_channel = ch;
    return TW_OK;
}

void tw_channel_free(tw_channel *ch)
{
    if (ch == NULL)
        return;
    for (size_t i = 0; i < ch->count; i++)
        tw_change_release(&ch->ring[(ch->first + i) % ch->capacity]);
    pthread_cond_destroy(&ch->readable);
    pthread_cond_destroy(&ch->writable);
    pthread_mutex_destroy(&ch->lock);
    free(ch);
}

void tw_change_release(tw_change *change)
{
    tw_object_unref(change->object);
    tw_object_unref(change->old);
    change->object = change->old = NULL;
}

void tw_channel_close(tw_channel *ch)
{
    pthread_mutex_lock(&ch->lock);
    ch->closed = true;
    pthread_cond_broadcast(&ch->readable);
    pthread_cond_broadcast(&ch->writable);
    pthread_mutex_unlock(&ch->lock);
}

void channel_push(tw_channel *ch, const tw_change *change, const atomic_bool *stop)
{
    tw_change kept = *change;

    pthread_mutex_lock(&ch->lock);
    while (!ch->closed && ch->count == ch->capacity && !(stop != NULL && atomic_load(stop)))
        wait_until(&ch->writable, &ch->lock, clock_monotonic_ms() + STOP_CHECK_MS);
    if (!ch->closed && ch->count < ch->capacity) {
        tw_object_ref(kept.object);
        if (kept.old != NULL)
            tw_object_ref(kept.old);
        ch->ring[(ch->first + ch->count++) % ch->capacity] = kept;
        pthread_cond_signal(&ch->readable);
    }
    pthread_mutex_unlock(&ch->lock);
}

tw_status tw_channel_next(tw_channel *ch, unsigned timeout_ms, tw_change *ret_change)
{
    uint64_t until_ms = clock_monotonic_ms() + timeout_ms;
    tw_status st = TW_OK;

    pthread_mutex_lock(&ch->lock);
    while (ch->count == 0 && st == TW_OK) {
        if (ch->closed)
            st = TW_END;
        else if (!wait_until(&ch->readable, &ch->lock, until_ms) && ch->count == 0)
            st = ch->closed ? TW_END : TW_ERR_TIMEOUT;
    }
    if (st == TW_OK) {
        *ret_change = ch->ring[ch->first];
        ch->first = (ch->first + 1) % ch->capacity;
        ch->count--;
        pthread_cond_signal(&ch->writable);
    }
    pthread_mutex_unlock(&ch->lock);
    return st;
}
