/*
 * limiter - how long a retry has to wait. Internal. Not locked.
 *
 * CG util/workqueue/default_rate_limiters.go: ItemExponentialFailureRateLimiter, BucketRateLimiter
 * (golang.org/x/time/rate, Reserve), and the larger of both.
 */
#ifndef TIDEWATCH_CLIENT_WORKQUEUE_LIMITER_H
#define TIDEWATCH_CLIENT_WORKQUEUE_LIMITER_H

#include <stdint.h>

/* first * 2^failures, and no more than max. */
uint64_t limiter_exponential_ms(uint64_t first_ms, uint64_t max_ms, unsigned failures);

struct bucket {
    double per_s, burst;
    double tokens; /* below 0: promised to those who wait */
    uint64_t filled_ms;
};

struct bucket bucket_of(double per_s, double burst, uint64_t now_ms);
/* Takes a token, and says how long it is until that is there. */
uint64_t bucket_reserve_ms(struct bucket *bucket, uint64_t now_ms);
/* Takes a token if there is one. */
int bucket_allow(struct bucket *bucket, uint64_t now_ms);

#endif
