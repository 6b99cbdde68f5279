#include "client-go-like/rest/rate.h"

enum { RATE_BURST_MAX = 1000000 };

void rate_init(struct rate *r)
{
    *r = (struct rate){.interval_us = 0};
    pthread_mutex_init(&r->lock, NULL);
}

void rate_release(struct rate *r)
{
    pthread_mutex_destroy(&r->lock);
}

void rate_set(struct rate *r, double per_second, unsigned burst)
{
    pthread_mutex_lock(&r->lock);
    r->interval_us = per_second <= 0 ? 0 : per_second > 1e-6 ? 1e6 / per_second : 1e12;
    r->burst = burst == 0 ? 1 : burst < RATE_BURST_MAX ? burst : RATE_BURST_MAX;
    r->full_us = 0;
    pthread_mutex_unlock(&r->lock);
}

bool rate_take(struct rate *r, uint64_t now_us, uint64_t most_ms, unsigned *ret_wait_ms)
{
    uint64_t full, allowed, wait_us;
    bool taken = true;

    *ret_wait_ms = 0;
    pthread_mutex_lock(&r->lock);
    if (r->interval_us > 0) {
        full = (r->full_us > now_us ? r->full_us : now_us) + (uint64_t)r->interval_us;
        allowed = now_us + (uint64_t)(r->interval_us * r->burst);
        wait_us = full > allowed ? full - allowed : 0;
        taken = wait_us / 1000 <= most_ms;
        if (taken) {
            r->full_us = full;
            *ret_wait_ms = (unsigned)((wait_us + 999) / 1000);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}
