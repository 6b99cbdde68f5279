#include "client-go-like/wait.h"

#include <time.h>

#include "base/clock.h"

void wait_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* a wait must not follow the wall clock */
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ms)
{
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};

    if (until_ms == WAIT_FOR_EVER)
        return pthread_cond_wait(cond, lock) == 0;
    return pthread_cond_timedwait(cond, lock, &until) == 0;
}

uint64_t wait_deadline(unsigned wait_ms)
{
    return clock_monotonic_ms() + wait_ms;
}
