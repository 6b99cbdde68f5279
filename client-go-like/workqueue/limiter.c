#include "client-go-like/workqueue/limiter.h"

uint64_t limiter_exponential_ms(uint64_t first_ms, uint64_t max_ms, unsigned failures)
{
    if (failures >= 63 || first_ms > max_ms >> failures)
        return max_ms;
    return first_ms << failures;
}

struct bucket bucket_of(double per_s, double burst, uint64_t now_ms)
{
    return (struct bucket){per_s, burst, burst, now_ms};
}

static void refill(struct bucket *b, uint64_t now_ms)
{
    if (now_ms > b->filled_ms)
        b->tokens += (double)(now_ms - b->filled_ms) / 1000 * b->per_s;
    if (b->tokens > b->burst)
        b->tokens = b->burst;
    b->filled_ms = now_ms;
}

uint64_t bucket_reserve_ms(struct bucket *b, uint64_t now_ms)
{
    refill(b, now_ms);
    b->tokens -= 1;
    return b->tokens >= 0 ? 0 : (uint64_t)(-b->tokens / b->per_s * 1000 + 0.5);
}

int bucket_allow(struct bucket *b, uint64_t now_ms)
{
    refill(b, now_ms);
    if (b->tokens < 1)
        return 0;
    b->tokens -= 1;
    return 1;
}
