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

/* ---- what goes on ---- */

struct endless {
    struct api_request api;
    struct fair_turn turn;
    int pieces;
};

static void next_piece(struct fair_turn *turn)
{
    struct endless *work = container_of(turn, struct endless, turn);

    work->pieces++;
    flight_go_on(&work->api, turn);
}

/* Sockets are looked at in between, whatever its user's turn says. */
TEST(flight, what_goes_on_and_on_does_a_piece_a_turn_of_the_loop)
{
    struct flight_limits limits = {.fair = false};
    struct endless work = {.turn.run = next_piece};
    struct harness h;

    start(&h, &limits);
    work.api.worker = &h.worker;
    flight_go_on(&work.api, &work.turn);
    CHECK_INT(work.pieces, 0);
    for (int turns = 1; turns <= 3; turns++) {
        h.last_task.run = harness_last_task;
        loop_post(h.worker.loop, &h.last_task);
        run_loop(&h);
        CHECK_INT(work.pieces, turns);
    }
    fair_leave(&work.turn);
    stop(&h);
}

/* ---- fair: by address, as the tests' requests show nothing ---- */

static struct call *begin_as(struct harness *h, struct bytes peer, const char *target)
{
    h->peer = peer;
    return call_begin(h, "GET", target, NULL, BYTES(""));
}

static const struct bytes flooder = BYTES_INIT("10.0.0.1:7"), other = BYTES_INIT("10.0.0.2:7");

/* One turn of the loop after the other, until it is answered. */
static void turn_until(struct harness *h, const struct call *call)
{
    while (!call->answered) {
        h->last_task.run = harness_last_task;
        loop_post(h->worker.loop, &h->last_task);
        run_loop(h);
    }
}

static size_t count_answered(struct call *const *calls, size_t count)
{
    size_t answered = 0;

    for (size_t i = 0; i < count; i++)
        answered += calls[i]->answered;
    return answered;
}

static void end_all(struct call **calls, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        CHECK_INT(call_end(calls[i]), code);
}

TEST(flight, who_comes_behind_a_flood_is_answered_next)
{
    struct flight_limits limits = {.fair = true};
    struct call *flood[100], *late;
    struct harness h;

    start(&h, &limits);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++)
        flood[i] = begin_as(&h, flooder, CM);
    CHECK_INT(count_answered(flood, ARRAY_LEN(flood)), 0); /* turn_us 0: all of them stand */
    for (int i = 0; i < 10; i++) {
        size_t before = count_answered(flood, ARRAY_LEN(flood));

        late = begin_as(&h, other, CM);
        turn_until(&h, late);
        CHECK(count_answered(flood, ARRAY_LEN(flood)) - before <= 2);
        CHECK_INT(call_end(late), 200);
    }
    end_all(flood, ARRAY_LEN(flood), 200);
    stop(&h);
}

TEST(flight, a_loop_that_is_not_busy_answers_at_once)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000};
    struct call *call;
    struct harness h;

    start(&h, &limits);
    call = begin_as(&h, other, CM);
    CHECK(call->answered);
    CHECK_INT(call_end(call), 200);
    stop(&h);
}

TEST(flight, a_user_holds_as_many_places_as_are_free_and_the_rest_wait)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000, .max = {[FLIGHT_READ] = 8}};
    struct call *flood[10];
    struct flight_stats stats;
    struct harness h;

    start(&h, &limits);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++)
        flood[i] = begin_as(&h, flooder, LATER);
    CHECK_INT(limits.now[FLIGHT_READ], 4);
    flight_get_stats(h.worker.flight, FLIGHT_READ, &stats);
    CHECK_INT(stats.parked, 6);
    CHECK_INT(call_end(begin_as(&h, other, CM)), 200);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++) {
        CHECK(!flood[i]->answered);
        call_hang_up(flood[i]);
        call_free(flood[i]);
    }
    CHECK_INT(limits.now[FLIGHT_READ], 0);
    CHECK_INT(limits.waiting[FLIGHT_READ], 0);
    stop(&h);
}

TEST(flight, a_user_on_two_loops_is_one)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000, .max = {[FLIGHT_READ] = 8}};
    struct harness loops[2];
    struct call *flood[10];

    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        start(&loops[i], &limits);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++)
        flood[i] = begin_as(&loops[i % 2], flooder, LATER);
    CHECK_INT(limits.now[FLIGHT_READ], 4); /* as two it would be 6 */
    CHECK_INT(limits.waiting[FLIGHT_READ], 6);
    CHECK_INT(call_end(begin_as(&loops[0], other, CM)), 200);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++) {
        call_hang_up(flood[i]);
        call_free(flood[i]);
    }
    CHECK_INT(limits.now[FLIGHT_READ], 0);
    CHECK_INT(limits.waiting[FLIGHT_READ], 0);
    for (size_t row = 0; row < FAIR_ROWS; row++)
        for (size_t i = 0; i < FAIR_COUNTS; i++)
            CHECK(limits.now_of[FLIGHT_READ].rows[row][i] == 0 &&
                  limits.waiting_of[FLIGHT_READ].rows[row][i] == 0);
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        stop(&loops[i]);
}

TEST(flight, a_place_that_gets_free_goes_to_who_holds_least)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000, .max = {[FLIGHT_READ] = 2}};
    struct call *held, *of_third, *flood[3], *late;
    struct harness h;

    start(&h, &limits);
    held = begin_as(&h, flooder, LATER);
    of_third = begin_as(&h, BYTES("10.0.0.3:1"), LATER); /* now there is none */
    for (size_t i = 0; i < ARRAY_LEN(flood); i++)
        flood[i] = begin_as(&h, flooder, CM);
    late = begin_as(&h, other, CM);
    CHECK(!late->answered);
    call_hang_up(of_third);
    call_free(of_third);
    turn_until(&h, late);
    CHECK_INT(count_answered(flood, ARRAY_LEN(flood)), 0);
    CHECK_INT(call_end(late), 200);
    call_hang_up(held);
    call_free(held);
    end_all(flood, ARRAY_LEN(flood), 200);
    stop(&h);
}

TEST(flight, of_what_waits_a_user_has_its_share_too_and_the_rest_is_429)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000, .max = {[FLIGHT_READ] = 1}};
    struct call *held, *flood[2], *late;
    struct flight_stats stats;
    struct harness h;

    start(&h, &limits);
    held = begin_as(&h, flooder, LATER);
    for (size_t i = 0; i < ARRAY_LEN(flood); i++) /* room for four */
        flood[i] = begin_as(&h, flooder, CM);
    check_refused(&h, begin_as(&h, flooder, CM));
    late = begin_as(&h, other, CM);
    CHECK(!late->answered);
    flight_get_stats(h.worker.flight, FLIGHT_READ, &stats);
    CHECK_INT(stats.refused[FLIGHT_QUEUE_FULL], 1);
    CHECK_INT(stats.parked, 3);
    call_hang_up(held);
    call_free(held);
    end_all(flood, ARRAY_LEN(flood), 200);
    CHECK_INT(call_end(late), 200);
    stop(&h);
}

TEST(flight, a_body_that_waits_takes_room_by_its_size)
{
    struct flight_limits limits = {.fair = true, .turn_us = 60000000, .max = {[FLIGHT_READ] = 1}};
    char body[4 * FLIGHT_WAITING_BODY] = "";
    struct call *held, *waiting;
    struct harness h;

    start(&h, &limits);
    held = begin_as(&h, flooder, LATER);
    check_refused(&h, call_begin(&h, "GET", CM, NULL, bytes_of(body, sizeof(body))));
    waiting = call_begin(&h, "GET", CM, NULL, bytes_of(body, FLIGHT_WAITING_BODY));
    CHECK_INT(limits.waiting[FLIGHT_READ], 2);
    call_hang_up(held);
    call_free(held);
    CHECK_INT(call_end(waiting), 200);
    stop(&h);
}

TEST(flight, who_waits_too_long_for_a_place_gets_429)
{
    struct flight_limits limits = {
        .fair = true, .turn_us = 60000000, .wait_ms = 20, .max = {[FLIGHT_READ] = 1}};
    struct flight_stats stats;
    struct call *held;
    struct harness h;

    start(&h, &limits);
    held = begin_as(&h, flooder, LATER);
    CHECK_INT(call_end(begin_as(&h, flooder, CM)), 429);
    CHECK_TEXT(field(&h, "reason"), "TooManyRequests");
    CHECK_TEXT(header_of(&h, "retry-after"), "1");
    flight_get_stats(h.worker.flight, FLIGHT_READ, &stats);
    CHECK_INT(stats.refused[FLIGHT_TIME_OUT], 1);
    CHECK_INT(limits.waiting[FLIGHT_READ], 0);
    call_hang_up(held);
    call_free(held);
    stop(&h);
}

TEST(flight, who_leaves_while_it_waits_for_its_turn_is_forgotten)
{
    struct flight_limits limits = {.fair = true};
    struct call *gone, *stays;
    struct harness h;

    start(&h, &limits);
    gone = begin_as(&h, flooder, CM);
    stays = begin_as(&h, other, CM);
    call_hang_up(gone);
    call_free(gone);
    CHECK_INT(call_end(stays), 200);
    CHECK_INT(limits.now[FLIGHT_READ], 0);
    stop(&h);
}

TEST(flight, past_its_time_a_request_that_waits_is_504_and_forgotten)
{
    struct flight_limits limits = {.fair = true,
                                   .turn_us = 60000000,
                                   .request_ms = 20,
                                   .wait_ms = 60000,
                                   .max = {[FLIGHT_READ] = 1}};
    struct call *held;
    struct harness h;

    start(&h, &limits);
    held = begin_as(&h, flooder, LATER);
    CHECK_INT(call_end(begin_as(&h, other, CM)), 504);
    CHECK_INT(limits.waiting[FLIGHT_READ], 0);
    CHECK_INT(call_end(held), 504);
    stop(&h);
}
