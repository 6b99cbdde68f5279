#include "apiserver/handlers/flight.h"

#include <stdlib.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/list_stream.h"
#include "base/clock.h"
#include "base/counter.h"

enum place { PLACE_NONE, PLACE_WAITED_FOR, PLACE_HELD };

/* Written on the loop, read by whoever asks. */
struct counters {
    _Atomic uint64_t parked, refused[FLIGHT_REFUSALS], dispatched;
    _Atomic uint64_t waits[FLIGHT_WAIT_BUCKETS]; /* each without those of the one before */
    _Atomic uint64_t waited_us;
};

struct flight {
    struct worker *worker;
    struct flight_limits *limits;
    struct list requests; /* oldest first */
    struct loop_timer timer;
    /* of `fair` limits */
    struct fair fair;
    struct fair_flow *all; /* of those who have none of their own, as limits are not fair */
    struct loop_task turns;
    uint64_t spent_us;                  /* on requests, in this turn of the loop */
    struct list parked[FLIGHT_CLASSES]; /* flows of which some wait for a place */
    struct loop_timer look;             /* while some wait: places get free on other loops, too */
    struct buf name;                    /* of the flow that is looked for */
    struct counters counters[FLIGHT_CLASSES];
};

enum { LOOK_MS = 5 };

const double flight_wait_buckets_s[FLIGHT_WAIT_BUCKETS] = {0, 0.005, 0.02, 0.1, 0.5, 2, 5, 15};

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static void discount(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_sub_explicit(counter, by, memory_order_relaxed);
}

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum flight_class class_of(const struct api_request *api)
{
    static const enum flight_class classes[VERB_COUNT] = {
        [VERB_GET] = FLIGHT_READ,
        [VERB_LIST] = FLIGHT_READ,
        [VERB_CREATE] = FLIGHT_WRITE,
        [VERB_UPDATE] = FLIGHT_WRITE,
        [VERB_PATCH] = FLIGHT_WRITE,
        [VERB_DELETE] = FLIGHT_WRITE,
        [VERB_DELETE_COLLECTION] = FLIGHT_WRITE,
    };

    return api->worker->flight != NULL && api->info.is_resource ? classes[api->info.verb]
                                                                : FLIGHT_NONE;
}

/* ---- turns ---- */

static void run(struct flight *flight, struct fair_turn *turn)
{
    struct fair_flow *flow = turn->flow;
    uint64_t began = clock_monotonic_us(), cost;

    flow->refs++; /* the request may end in it */
    turn->run(turn);
    cost = clock_monotonic_us() - began + 1; /* nothing is free, however coarse the clock */
    flight->spent_us += cost;
    fair_charge(flow, cost);
    fair_flow_unref(flow);
}

/* At the end of the loop's turn: what came meanwhile stands in the order of fair.h. What is left is
 * for the next one, so that those who come then are in time for it. */
static void run_turns(struct loop_task *task)
{
    struct flight *flight = container_of(task, struct flight, turns);
    struct fair_turn *turn;

    flight->spent_us = 0;
    do {
        turn = fair_next(&flight->fair);
        if (turn != NULL)
            run(flight, turn);
    } while (turn != NULL && flight->spent_us < flight->limits->turn_us);
    if (!list_empty(&flight->fair.order))
        loop_defer(flight->worker->loop, task);
}

static void wait_for_turn(struct flight *flight, struct fair_turn *turn)
{
    fair_wait(turn);
    loop_defer(flight->worker->loop, &flight->turns);
}

static void take_turn(struct flight *flight, struct fair_turn *turn)
{
    if (!list_empty(&flight->fair.order) || flight->spent_us >= flight->limits->turn_us) {
        wait_for_turn(flight, turn);
        return;
    }
    run(flight, turn);
    loop_defer(flight->worker->loop, &flight->turns);
}

void flight_go_on(struct api_request *api, struct fair_turn *turn)
{
    struct flight *flight = api->worker->flight;

    if (flight == NULL) {
        turn->run(turn);
        return;
    }
    turn->flow = api->turn.flow != NULL ? api->turn.flow : flight->all;
    wait_for_turn(flight, turn);
}

/* ---- places ---- */

static bool take_place(struct api_request *api)
{
    struct flight_limits *limits = api->worker->flight->limits;
    struct fair_flow *flow = api->turn.flow;
    unsigned class = api->flight_class;
    uint64_t max = limits->max[class], before;

    if (flow != NULL &&
        !fair_share(fair_counted(&limits->now_of[class], flow), 1, value(&limits->now[class]), max))
        return false; /* loops may race: one too many of a user does no harm */
    before = atomic_fetch_add_explicit(&limits->now[class], 1, memory_order_relaxed);
    if (max != 0 && before >= max) {
        discount(&limits->now[class], 1);
        return false;
    }
    if (flow != NULL)
        fair_count(&limits->now_of[class], flow, 1);
    api->flight_place = PLACE_HELD;
    return true;
}

static void refuse(struct api_request *api)
{
    struct error err = {0};

    error_set(&err, STATUS_TOO_MANY_REQUESTS, "Too many requests, please try again later.");
    err.retry_after_s = 1;
    respond_error(api, &err);
}

/* What one that waits takes of the room there is for that. */
static uint32_t room_of(const struct api_request *api)
{
    return 1 + (uint32_t)(api->http != NULL ? api->http->body.len / FLIGHT_WAITING_BODY : 0);
}

static bool park(struct api_request *api)
{
    struct flight *flight = api->worker->flight;
    unsigned class = api->flight_class;
    struct flight_limits *limits = flight->limits;
    struct fair_flow *flow = api->turn.flow;
    uint64_t max = limits->max[class] * FLIGHT_WAITING_MAX;
    uint32_t room = room_of(api);

    if (!fair_share(fair_counted(&limits->waiting_of[class], flow), room,
                    value(&limits->waiting[class]), max))
        return false;
    count(&limits->waiting[class], room); /* loops may race: a few too many do no harm */
    count(&flight->counters[class].parked, 1);
    fair_count(&limits->waiting_of[class], flow, room);
    list_append(&flow->of[class].parked, &api->turn.link);
    if (!list_linked(&flow->of[class].link))
        list_append(&flight->parked[class], &flow->of[class].link);
    api->flight_place = PLACE_WAITED_FOR;
    api->parked_us = clock_monotonic_us();
    api->parked_room = room;
    if (flight->look.heap_at == 0)
        loop_timer_start(flight->worker->loop, &flight->look, LOOK_MS);
    return true;
}

static void unpark(struct api_request *api)
{
    struct flight *flight = api->worker->flight;
    unsigned class = api->flight_class;
    struct fair_flow *flow = api->turn.flow;

    discount(&flight->limits->waiting[class], api->parked_room);
    discount(&flight->counters[class].parked, 1);
    fair_discount(&flight->limits->waiting_of[class], flow, api->parked_room);
    list_remove(&api->turn.link);
    if (list_empty(&flow->of[class].parked))
        list_remove(&flow->of[class].link);
}

static void count_dispatched(struct counters *counters, uint64_t waited_us)
{
    size_t i = 0;

    count_own(&counters->dispatched, 1);
    count_own(&counters->waited_us, waited_us);
    while (i < FLIGHT_WAIT_BUCKETS && (double)waited_us / 1e6 > flight_wait_buckets_s[i])
        i++;
    if (i < FLIGHT_WAIT_BUCKETS)
        count_own(&counters->waits[i], 1);
}

/* The oldest of the flow that holds least, of those that may have one more. */
static struct api_request *next_parked(struct flight *flight, unsigned class)
{
    const struct flight_limits *limits = flight->limits;
    uint64_t taken = value(&limits->now[class]), least_held = 0;
    struct fair_flow *least = NULL;

    list_for_each(&flight->parked[class], it) {
        struct fair_flow *flow = list_entry(it, struct fair_flow, of[class].link);

        uint64_t held = fair_counted(&limits->now_of[class], flow);

        if (fair_share(held, 1, taken, limits->max[class]) &&
            (least == NULL || held < least_held)) {
            least = flow;
            least_held = held;
        }
    }
    return least != NULL ? list_entry(least->of[class].parked.next, struct api_request, turn.link)
                         : NULL;
}

static void give_places(struct flight *flight, unsigned class)
{
    struct api_request *api;

    while ((api = next_parked(flight, class)) != NULL && take_place(api)) {
        unpark(api);
        count_dispatched(&flight->counters[class], clock_monotonic_us() - api->parked_us);
        wait_for_turn(flight, &api->turn);
    }
}

static uint64_t wait_us(const struct flight_limits *limits)
{
    uint64_t wait_ms = limits->wait_ms;

    if (wait_ms == 0)
        wait_ms = limits->request_ms != 0 ? limits->request_ms / FLIGHT_WAIT_PART : FLIGHT_WAIT_MS;
    return wait_ms * 1000;
}

static struct api_request *waited_too_long(struct flight *flight, unsigned class)
{
    uint64_t now = clock_monotonic_us(), limit = wait_us(flight->limits);

    list_for_each(&flight->parked[class], it) {
        struct fair_flow *flow = list_entry(it, struct fair_flow, of[class].link);
        struct api_request *api =
            list_entry(flow->of[class].parked.next, struct api_request, turn.link);

        if (now - api->parked_us >= limit)
            return api;
    }
    return NULL;
}

static void on_look(struct loop_timer *timer)
{
    struct flight *flight = container_of(timer, struct flight, look);
    bool some_wait = false;

    for (unsigned class = 0; class < FLIGHT_CLASSES; class ++) {
        struct api_request *api;

        give_places(flight, class);
        while ((api = waited_too_long(flight, class)) != NULL) {
            count(&flight->counters[class].refused[FLIGHT_TIME_OUT], 1);
            refuse(api);
        }
        some_wait |= !list_empty(&flight->parked[class]);
    }
    if (some_wait)
        loop_timer_start(flight->worker->loop, timer, LOOK_MS);
}

/* ---- the way of a request ---- */

bool flight_begin(struct api_request *api)
{
    struct flight *flight = api->worker->flight;

    api->flight_class = (uint8_t)class_of(api);
    if (api->flight_class == FLIGHT_NONE)
        return true;
    if (!flight->limits->fair && !take_place(api)) {
        refuse(api);
        return false;
    }
    api->begun_ms = loop_now_ms(flight->worker->loop);
    list_append(&flight->requests, &api->flight_link);
    /* It goes on when it has nothing to do, so that a request does not cost a timer. */
    if (flight->limits->request_ms != 0 && flight->timer.heap_at == 0)
        loop_timer_start(flight->worker->loop, &flight->timer, flight->limits->request_ms);
    return true;
}

static void begin_handling(struct fair_turn *turn)
{
    struct api_request *api = container_of(turn, struct api_request, turn);

    api->handle(api);
}

static bool is_exempt(const struct api_request *api)
{
    return api->flight_class == FLIGHT_NONE || user_is_in(api->user, GROUP_MASTERS);
}

static struct fair_flow *flow_of(struct flight *flight, const struct api_request *api)
{
    struct bytes name;

    flight->name.len = 0;
    name = access_write_holder(&flight->name, api);
    return flight->name.failed ? NULL : fair_flow(&flight->fair, name);
}

void flight_run(struct api_request *api, handler *handle)
{
    struct flight *flight = api->worker->flight;
    struct error err = {0};
    unsigned class = api->flight_class;

    if (flight == NULL || !flight->limits->fair) {
        handle(api);
        return;
    }
    api->handle = handle;
    api->turn.run = begin_handling;
    api->turn.flow = flow_of(flight, api);
    if (api->turn.flow == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
    } else if (is_exempt(api)) {
        take_turn(flight, &api->turn);
    } else if (list_empty(&api->turn.flow->of[class].parked) && take_place(api)) {
        count_dispatched(&flight->counters[class], 0);
        take_turn(flight, &api->turn);
    } else if (!park(api)) {
        count(&flight->counters[class].refused[FLIGHT_QUEUE_FULL], 1);
        refuse(api);
    }
}

void flight_end(struct api_request *api)
{
    struct flight *flight = api->worker->flight;
    struct fair_flow *flow = api->turn.flow;
    unsigned class = api->flight_class;

    if (api->flight_place == PLACE_WAITED_FOR)
        unpark(api);
    fair_leave(&api->turn);
    list_remove(&api->flight_link);
    if (api->flight_place == PLACE_HELD) {
        discount(&flight->limits->now[class], 1);
        if (flow != NULL)
            fair_discount(&flight->limits->now_of[class], flow, 1);
        give_places(flight, class);
    }
    fair_flow_unref(flow);
}

/* ---- how long ---- */

/* Answered, but it keeps its place: it is still being worked on. A long list is cut: who takes it a
 * byte at a time would hold its place for ever. */
static void give_up(struct api_request *api)
{
    struct error err = {0};

    if (api->stream != NULL) {
        list_stream_cut(api->stream);
        return;
    }
    if (api->http == NULL)
        return; /* nobody waits */
    error_set(&err, STATUS_TIMEOUT,
              "Timeout: request did not complete within the allotted timeout");
    api->overdue = true;
    respond_error(api, &err);
}

static void on_timer(struct loop_timer *timer)
{
    struct flight *flight = container_of(timer, struct flight, timer);
    uint64_t now = loop_now_ms(flight->worker->loop), limit = flight->limits->request_ms;

    list_for_each(&flight->requests, it) {
        struct api_request *api = list_entry(it, struct api_request, flight_link);

        if (now - api->begun_ms < limit) {
            loop_timer_start(flight->worker->loop, timer, api->begun_ms + limit - now);
            return;
        }
        give_up(api);
    }
}

/* ---- how many ---- */

uint64_t flight_count(const struct flight *flight, enum flight_class class)
{
    return flight != NULL ? value(&flight->limits->now[class]) : 0;
}

void flight_get_stats(const struct flight *flight, enum flight_class class,
                      struct flight_stats *ret_stats)
{
    const struct counters *counters;

    *ret_stats = (struct flight_stats){0};
    if (flight == NULL)
        return;
    counters = &flight->counters[class];
    ret_stats->parked = value(&counters->parked);
    ret_stats->dispatched = value(&counters->dispatched);
    ret_stats->waited_us = value(&counters->waited_us);
    for (size_t i = 0; i < FLIGHT_REFUSALS; i++)
        ret_stats->refused[i] = value(&counters->refused[i]);
    for (size_t i = 0; i < FLIGHT_WAIT_BUCKETS; i++)
        ret_stats->waits[i] = value(&counters->waits[i]) + (i > 0 ? ret_stats->waits[i - 1] : 0);
}

/* ---- life ---- */

struct flight *flight_new(struct worker *worker, struct flight_limits *limits)
{
    struct flight *flight = calloc(1, sizeof(*flight));

    if (flight == NULL)
        return NULL;
    flight->worker = worker;
    flight->limits = limits;
    flight->timer.on_fire = on_timer;
    flight->look.on_fire = on_look;
    flight->turns.run = run_turns;
    list_init(&flight->requests);
    fair_init(&flight->fair);
    for (size_t i = 0; i < FLIGHT_CLASSES; i++)
        list_init(&flight->parked[i]);
    flight->all = fair_flow(&flight->fair, BYTES(""));
    if (flight->all == NULL) {
        flight_free(flight);
        return NULL;
    }
    return flight;
}

void flight_free(struct flight *flight)
{
    if (flight == NULL)
        return;
    loop_timer_stop(flight->worker->loop, &flight->timer);
    loop_timer_stop(flight->worker->loop, &flight->look);
    fair_release(&flight->fair);
    buf_release(&flight->name);
    free(flight);
}
