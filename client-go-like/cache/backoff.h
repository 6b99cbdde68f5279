/*
 * backoff - how long to wait before trying again. Internal.
 *
 * The numbers are the reflector's of client-go (tools/cache/reflector.go): 800 ms, doubling to 30
 * s, each with up to as much again at random (jitter 1.0), from the start after 2 min without use.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_BACKOFF_H
#define TIDEWATCH_CLIENT_CACHE_BACKOFF_H

#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 800,
    BACKOFF_MAX_MS = 30 * 1000,
    BACKOFF_RESET_MS = 2 * 60 * 1000,
};

struct backoff {               /* zeroed is fresh */
    unsigned first_ms, max_ms; /* 0: as above */
    unsigned base_ms;
    uint64_t used_ms;
};

/* The next wait. `random_below` gives a number in [0, bound). */
unsigned backoff_next(struct backoff *backoff, uint64_t now_ms,
                      uint64_t (*random_below)(uint64_t bound));

#endif
