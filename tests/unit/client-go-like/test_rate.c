#include "unit/test.h"

#include "client-go-like/rest/rate.h"

static unsigned wait_at(struct rate *rate, uint64_t now_ms)
{
    unsigned wait_ms = 0;

    CHECK(rate_take(rate, now_ms * 1000, UINT64_MAX, &wait_ms));
    return wait_ms;
}

TEST(rate, lets_a_burst_through_and_then_so_many_a_second)
{
    struct rate rate;

    rate_init(&rate);
    rate_set(&rate, 10, 3);
    for (int i = 0; i < 3; i++)
        CHECK_INT(wait_at(&rate, 1000), 0);
    CHECK_INT(wait_at(&rate, 1000), 100);
    CHECK_INT(wait_at(&rate, 1000), 200);
    CHECK_INT(wait_at(&rate, 1250), 50);
    CHECK_INT(wait_at(&rate, 9000), 0); /* full again, and not fuller */
    CHECK_INT(wait_at(&rate, 9000), 0);
    CHECK_INT(wait_at(&rate, 9000), 0);
    CHECK_INT(wait_at(&rate, 9000), 100);
    rate_release(&rate);
}

TEST(rate, gives_no_token_to_who_cannot_wait_for_it)
{
    struct rate rate;
    unsigned wait_ms;

    rate_init(&rate);
    rate_set(&rate, 1, 1);
    CHECK_INT(wait_at(&rate, 5000), 0);
    CHECK(!rate_take(&rate, 5000000, 999, &wait_ms));
    CHECK_INT(wait_at(&rate, 5000), 1000); /* the one before took none */
    rate_set(&rate, 0, 0);
    CHECK_INT(wait_at(&rate, 5000), 0);
    rate_release(&rate);
}
