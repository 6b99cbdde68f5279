#include "client-go-like/cache/backoff.h"

unsigned backoff_next(struct backoff *b, uint64_t now_ms, uint64_t (*random_below)(uint64_t bound))
{
    unsigned first_ms = b->first_ms != 0 ? b->first_ms : BACKOFF_FIRST_MS;
    unsigned max_ms = b->max_ms != 0 ? b->max_ms : BACKOFF_MAX_MS;
    unsigned wait_ms;

    if (b->base_ms == 0 || now_ms - b->used_ms > BACKOFF_RESET_MS)
        b->base_ms = first_ms;
    wait_ms = b->base_ms + (unsigned)random_below((uint64_t)b->base_ms + 1);
    b->used_ms = now_ms;
    b->base_ms = b->base_ms < max_ms / 2 ? b->base_ms * 2 : max_ms;
    return wait_ms;
}
