#include "unit/test.h"

#include <pthread.h>
#include <stdatomic.h>

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "client-go-like/workqueue/limiter.h"
#include "client-go-like/workqueue/workqueue.h"

/* A clock that the test turns, so far ahead that nothing falls due by itself. */
static _Atomic(uint64_t) now_ms;

static uint64_t turned_clock(void)
{
    return atomic_load(&now_ms);
}

static tw_queue *make(const tw_queue_options *options)
{
    tw_queue *queue = NULL;

    atomic_store(&now_ms, clock_monotonic_ms() + 1000ull * 3600 * 1000);
    CHECK(queue_new(options, turned_clock, &queue, NULL) == TW_OK);
    return queue;
}

static void pass(tw_queue *queue, uint64_t ms)
{
    atomic_fetch_add(&now_ms, ms);
    queue_wake(queue);
}

/* What is given out now; "" for nothing. */
static const char *next(tw_queue *queue)
{
    const char *key = "";
    tw_status st = tw_queue_get(queue, 0, &key);

    CHECK(st == TW_OK || st == TW_ERR_TIMEOUT);
    return key;
}

static void check_next(tw_queue *queue, const char *expected)
{
    CHECK_TEXT(bytes_str(next(queue)), expected);
}

TEST(workqueue, gives_each_key_once_in_order_and_again_only_when_done)
{
    tw_queue *q = make(NULL);

    CHECK(tw_queue_add(q, "a") == TW_OK && tw_queue_add(q, "b") == TW_OK);
    CHECK(tw_queue_add(q, "a") == TW_OK);
    CHECK_INT(tw_queue_len(q), 2);
    check_next(q, "a");
    CHECK(tw_queue_add(q, "a") == TW_OK &&
          tw_queue_add(q, "a") == TW_OK); /* while it is worked on */
    check_next(q, "b");
    check_next(q, "");
    tw_queue_done(q, "a");
    check_next(q, "a");
    tw_queue_done(q, "a");
    tw_queue_done(q, "b");
    check_next(q, "");
    tw_queue_free(q);
}

TEST(workqueue, gives_what_is_for_later_in_the_order_of_its_times)
{
    tw_queue *q = make(NULL);

    CHECK(tw_queue_add_after(q, "c", 300) == TW_OK && tw_queue_add_after(q, "a", 100) == TW_OK);
    CHECK(tw_queue_add_after(q, "b", 900) == TW_OK && tw_queue_add_after(q, "now", 0) == TW_OK);
    CHECK(tw_queue_add_after(q, "b", 200) == TW_OK); /* the earlier time counts */
    CHECK(tw_queue_add_after(q, "b", 500) == TW_OK);
    check_next(q, "now");
    check_next(q, "");
    pass(q, 99);
    check_next(q, "");
    pass(q, 1);
    check_next(q, "a");
    pass(q, 200);
    check_next(q, "b");
    check_next(q, "c");
    check_next(q, "");
    tw_queue_free(q);
}

TEST(workqueue, retries_a_key_twice_as_late_each_time_until_it_is_forgotten)
{
    tw_queue *q = make(NULL);
    uint64_t wait_ms = 5;

    for (unsigned n = 0; n < 19; n++) {
        CHECK(tw_queue_add_rate_limited(q, "k") == TW_OK);
        CHECK_INT(tw_queue_num_requeues(q, "k"), n + 1);
        pass(q, wait_ms - 1);
        check_next(q, "");
        pass(q, 1);
        check_next(q, "k");
        tw_queue_done(q, "k");
        wait_ms = wait_ms * 2 < 1000 * 1000 ? wait_ms * 2 : 1000 * 1000;
    }
    tw_queue_forget(q, "k");
    CHECK_INT(tw_queue_num_requeues(q, "k"), 0);
    CHECK(tw_queue_add_rate_limited(q, "k") == TW_OK);
    pass(q, 5);
    check_next(q, "k");
    tw_queue_free(q);
}

TEST(workqueue, retries_of_all_keys_together_are_ten_a_second_after_a_hundred)
{
    tw_queue *q = make(NULL);
    tw_queue_status status;
    char key[16];

    for (unsigned n = 0; n < 110; n++) {
        snprintf(key, sizeof(key), "k%u", n);
        CHECK(tw_queue_add_rate_limited(q, key) == TW_OK);
    }
    pass(q, 5);
    tw_queue_get_status(q, &status);
    CHECK(status.depth == 100 && status.waiting == 10 && status.retries == 110);
    pass(q, 95);
    CHECK_INT(tw_queue_len(q), 101);
    pass(q, 900);
    CHECK_INT(tw_queue_len(q), 110);
    tw_queue_free(q);
}

TEST(limiter, never_waits_longer_than_its_maximum)
{
    CHECK_INT(limiter_exponential_ms(5, 1000000, 0), 5);
    CHECK_INT(limiter_exponential_ms(5, 1000000, 17), 655360);
    CHECK_INT(limiter_exponential_ms(5, 1000000, 18), 1000000);
    CHECK_INT(limiter_exponential_ms(5, 1000000, 4000000000u), 1000000);
}

TEST(workqueue, shut_down_gives_what_is_left_and_then_ends)
{
    tw_queue *q = make(NULL);
    const char *key = "";

    CHECK(tw_queue_add(q, "a") == TW_OK && tw_queue_add_after(q, "later", 10) == TW_OK);
    tw_queue_shut_down(q);
    CHECK(tw_queue_add(q, "b") == TW_OK); /* says nothing, does nothing */
    check_next(q, "a");
    pass(q, 1000);
    CHECK(tw_queue_get(q, 60000, &key) == TW_END);
    tw_queue_free(q);
}

/* ---- threads ---- */

struct crew {
    tw_queue *queue;
    atomic_uint done, at_once;
    atomic_bool twice;
};

static void *work(void *user)
{
    struct crew *crew = user;
    const char *key;

    while (tw_queue_get(crew->queue, 60000, &key) == TW_OK) {
        bool hot = strcmp(key, "hot") == 0;

        if (hot && atomic_fetch_add(&crew->at_once, 1) != 0)
            atomic_store(&crew->twice, true);
        atomic_fetch_add(&crew->done, 1);
        if (hot)
            atomic_fetch_sub(&crew->at_once, 1);
        tw_queue_done(crew->queue, key);
    }
    return NULL;
}

TEST(workqueue, drains_before_it_ends_and_no_key_is_worked_on_twice_at_once)
{
    struct crew crew = {.queue = make(NULL)};
    pthread_t workers[4];
    tw_queue_status status;

    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&workers[i], NULL, work, &crew) == 0);
    for (unsigned n = 0; n < 2000; n++) {
        char key[16];

        snprintf(key, sizeof(key), "k%u", n);
        CHECK(tw_queue_add(crew.queue, "hot") == TW_OK && tw_queue_add(crew.queue, key) == TW_OK);
    }
    CHECK(tw_queue_shut_down_with_drain(crew.queue, 60000) == TW_OK);
    CHECK(atomic_load(&crew.done) > 2000 && !atomic_load(&crew.twice));
    for (size_t i = 0; i < 4; i++)
        pthread_join(workers[i], NULL);
    tw_queue_get_status(crew.queue, &status);
    CHECK(status.depth == 0 && status.working == 0);
    tw_queue_free(crew.queue);
}

TEST(workqueue, a_drain_does_not_wait_for_ever)
{
    tw_queue *q = make(NULL);

    CHECK(tw_queue_add(q, "stuck") == TW_OK);
    check_next(q, "stuck");
    CHECK(tw_queue_shut_down_with_drain(q, 1) == TW_ERR_TIMEOUT);
    tw_queue_done(q, "stuck");
    CHECK(tw_queue_shut_down_with_drain(q, 1) == TW_OK);
    tw_queue_free(q);
}

static void sum_up(void *user, tw_queue_metric metric, uint64_t value)
{
    uint64_t *sums = user;

    sums[metric] += value;
}

TEST(workqueue, reports_what_waited_and_worked_how_long)
{
    uint64_t sums[5] = {0};
    tw_queue *q = make(&(tw_queue_options){.on_metric = sum_up, .user = sums});
    tw_queue_status status;

    CHECK(tw_queue_add(q, "a") == TW_OK && tw_queue_add_after(q, "b", 1000) == TW_OK);
    pass(q, 30);
    check_next(q, "a");
    pass(q, 12);
    tw_queue_get_status(q, &status);
    CHECK(status.working == 1 && status.unfinished_ms == 12 && status.longest_ms == 12);
    tw_queue_done(q, "a");
    CHECK(sums[TW_QUEUE_ADDS] == 1 && sums[TW_QUEUE_RETRIES] == 1);
    CHECK(sums[TW_QUEUE_LATENCY_MS] == 30 && sums[TW_QUEUE_WORK_MS] == 12);
    tw_queue_free(q);
}
