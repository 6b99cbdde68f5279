/*
 * rate - a token bucket: `burst` requests at once, then so many a second. Internal.
 *
 * Shape    the time at which the bucket will be full again (GCRA): one number, and no timer.
 * Threads  any.
 */
#ifndef TIDEWATCH_CLIENT_REST_RATE_H
#define TIDEWATCH_CLIENT_REST_RATE_H

#include <pthread.h>

#include "base/base.h"

struct rate {
    pthread_mutex_t lock; /* what follows */
    double interval_us;   /* between two requests; 0: no limit */
    unsigned burst;
    uint64_t full_us; /* when the bucket is full again */
};

void rate_init(struct rate *rate);
void rate_release(struct rate *rate);
/* `per_second` <= 0: no limit. */
void rate_set(struct rate *rate, double per_second, unsigned burst);
/* Takes one token at `now_us` and says in how many ms it may be used. False, taking nothing, if
 * that is later than `most_ms`. */
bool rate_take(struct rate *rate, uint64_t now_us, uint64_t most_ms, unsigned *ret_wait_ms);

#endif
