#include "unit/test.h"

#include "apiserver/handlers/flight.h"
#include "base/clock.h"
#include "unit/apiserver/handlers/harness.h"

#define LATER CM "?resourceVersion=1000000"

static void start(struct harness *h, struct flight_limits *limits)
{
    harness_start(h);
    h->worker.flight = flight_new(&h->worker, limits);
}

static void stop(struct harness *h)
{
    harness_stop(h);
}

static struct call *begin_create(struct harness *h, const char *name)
{
    char body[64];

    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", name);
    return call_begin(h, "POST", CM, NULL, bytes_str(body));
}

static void check_refused(struct harness *h, struct call *call)
{
    CHECK(call->answered);
    CHECK_INT(call_end(call), 429);
    CHECK_TEXT(field(h, "reason"), "TooManyRequests");
    CHECK_TEXT(field(h, "details.retryAfterSeconds"), "1");
    CHECK_TEXT(header_of(h, "retry-after"), "1");
}

TEST(flight, writes_beyond_the_limit_are_429_until_one_is_done)
{
    struct flight_limits limits = {.max = {[FLIGHT_WRITE] = 2}};
    struct call *first, *second;
    struct harness h;

    start(&h, &limits);
    first = begin_create(&h, "a");
    second = begin_create(&h, "b");
    check_refused(&h, begin_create(&h, "c"));
    CHECK_INT(ask(&h, "GET", CM, NULL), 200); /* reads are not writes */
    CHECK_INT(call_end(first), 201);
    CHECK_INT(call_end(second), 201);
    CHECK_INT(call_end(begin_create(&h, "c")), 201);
    CHECK_INT(limits.now[FLIGHT_WRITE], 0);
    stop(&h);
}

TEST(flight, reads_that_wait_leave_no_room_for_reads_but_for_all_else)
{
    struct flight_limits limits = {.max = {[FLIGHT_READ] = 1}};
    struct call *waiting, *watch;
    struct harness h;

    start(&h, &limits);
    waiting = call_begin(&h, "GET", LATER, NULL, BYTES(""));
    check_refused(&h, call_begin(&h, "GET", CM, NULL, BYTES("")));
    CHECK_INT(ask(&h, "GET", "/version", NULL), 200);
    CHECK_INT(ask(&h, "GET", "/api/v1", NULL), 200);
    watch = call_begin(&h, "GET", CM "?watch=1&longPoll=true&resourceVersion=1", NULL, BYTES(""));
    CHECK(!watch->answered);
    CHECK_INT(call_end(begin_create(&h, "a")), 201);
    CHECK_INT(call_end(watch), 200);
    call_hang_up(waiting);
    call_free(waiting);
    CHECK_INT(limits.now[FLIGHT_READ], 0);
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    stop(&h);
}

TEST(flight, a_request_past_its_time_is_504)
{
    struct flight_limits limits = {.request_ms = 30};
    uint64_t began = clock_monotonic_ms();
    struct call *other;
    struct harness h;

    start(&h, &limits);
    other = call_begin(&h, "GET", LATER, NULL, BYTES(""));
    CHECK_INT(call_end(call_begin(&h, "GET", LATER, NULL, BYTES(""))), 504);
    CHECK_TEXT(field(&h, "reason"), "Timeout");
    CHECK(contains(field(&h, "message"), "did not complete within the allotted timeout"));
    CHECK(clock_monotonic_ms() - began >= 30);
    CHECK_INT(call_end(other), 504);
    CHECK_INT(limits.now[FLIGHT_READ], 0);
    stop(&h);
}

/* It may be done all the same: what the client is told is that nobody knows yet. */
TEST(flight, a_write_past_its_time_is_answered_and_goes_on_unseen)
{
    struct flight_limits limits = {.request_ms = 1};
    struct call *call;
    struct harness h;
    uint64_t began;

    start(&h, &limits);
    call = begin_create(&h, "late");
    CHECK_INT(limits.now[FLIGHT_WRITE], 1);
    for (began = clock_monotonic_ms(); clock_monotonic_ms() < began + 3;) {
    } /* the loop looks at its timers first */
    CHECK_INT(call_end(call), 504);
    while (limits.now[FLIGHT_WRITE] != 0)
        CHECK_INT(ask(&h, "GET", LATER, NULL), 504); /* which turns the loop */
    CHECK(contains(buf_bytes(&h.events), "PUT core/configmaps/default/late"));
    stop(&h);
}
