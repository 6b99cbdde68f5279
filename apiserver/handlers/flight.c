#include "apiserver/handlers/flight.h"

#include <stdlib.h>

struct flight {
    struct worker *worker;
    struct flight_limits *limits;
    struct list requests; /* oldest first */
    struct loop_timer timer;
};

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

/* ---- how many ---- */

static bool take_place(struct flight_limits *limits, enum flight_class class)
{
    uint64_t before = atomic_fetch_add_explicit(&limits->now[class], 1, memory_order_relaxed);

    if (limits->max[class] == 0 || before < limits->max[class])
        return true;
    atomic_fetch_sub_explicit(&limits->now[class], 1, memory_order_relaxed);
    return false;
}

bool flight_begin(struct api_request *api)
{
    struct flight *flight = api->worker->flight;
    enum flight_class class = class_of(api);
    struct error err = {0};

    if (class == FLIGHT_NONE)
        return true;
    if (!take_place(flight->limits, class)) {
        error_set(&err, STATUS_TOO_MANY_REQUESTS, "Too many requests, please try again later.");
        err.retry_after_s = 1;
        respond_error(api, &err);
        return false;
    }
    api->flight_class = class;
    api->begun_ms = loop_now_ms(flight->worker->loop);
    list_append(&flight->requests, &api->flight_link);
    /* It goes on when it has nothing to do, so that a request does not cost a timer. */
    if (flight->limits->request_ms != 0 && flight->timer.heap_at == 0)
        loop_timer_start(flight->worker->loop, &flight->timer, flight->limits->request_ms);
    return true;
}

void flight_end(struct api_request *api)
{
    if (api->flight_class == FLIGHT_NONE)
        return;
    atomic_fetch_sub_explicit(&api->worker->flight->limits->now[api->flight_class], 1,
                              memory_order_relaxed);
    list_remove(&api->flight_link);
}

uint64_t flight_count(const struct flight *flight, enum flight_class class)
{
    return flight != NULL ? atomic_load_explicit(&flight->limits->now[class], memory_order_relaxed)
                          : 0;
}

/* ---- how long ---- */

/* Answered, but it keeps its place: it is still being worked on. */
static void give_up(struct api_request *api)
{
    struct error err = {0};

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

/* ---- life ---- */

struct flight *flight_new(struct worker *worker, struct flight_limits *limits)
{
    struct flight *flight = calloc(1, sizeof(*flight));

    if (flight == NULL)
        return NULL;
    flight->worker = worker;
    flight->limits = limits;
    flight->timer.on_fire = on_timer;
    list_init(&flight->requests);
    return flight;
}

void flight_free(struct flight *flight)
{
    if (flight == NULL)
        return;
    loop_timer_stop(flight->worker->loop, &flight->timer);
    free(flight);
}
