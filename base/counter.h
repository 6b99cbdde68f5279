/*
 * counter - a number that one thread changes and any reads: nothing has to be read and written in
 * one, so it costs no locked instruction.
 */
#ifndef TIDEWATCH_BASE_COUNTER_H
#define TIDEWATCH_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* By its one writer. */
static inline void count_own(_Atomic uint64_t *number, uint64_t by)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static inline void discount_own(_Atomic uint64_t *number, uint64_t by)
{
    count_own(number, -by);
}

#endif
