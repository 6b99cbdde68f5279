#include "client-go-like/cache/backoff.h"

unsigned backoff_next(struct backoff *b, uint64_t now_ms, uint64_t (*random_below)(uint64_t bound))
{
    unsigned wait_ms;

    if (b->base_ms == 0 || now_ms - b->used_ms > BACKOFF_RESET_MS)
        b->base_ms = BACKOFF_FIRST_MS;
    wait_ms = b->base_ms + (unsigned)random_below((uint64_t)b->base_ms + 1);
    b->used_ms = now_ms;
    b->base_ms = b->base_ms < BACKOFF_MAX_MS / 2 ? b->base_ms * 2 : BACKOFF_MAX_MS;
    return wait_ms;
}
