/*
 * wait - conditions that are waited for by the monotonic clock. Internal.
 */
#ifndef TIDEWATCH_CLIENT_WAIT_H
#define TIDEWATCH_CLIENT_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define WAIT_FOR_EVER UINT64_MAX

void wait_init(pthread_cond_t *cond);
/* Until clock_monotonic_ms() is `until_ms`; false once it is. */
bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ms);
/* The time `wait_ms` from now. */
uint64_t wait_deadline(unsigned wait_ms);

#endif
