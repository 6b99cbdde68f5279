/*
 * flight - requests that are being worked on: how many at once, in which order, and for how long.
 *
 *   api_on_request --flight_begin()--> who asks? --flight_run()--> a place, and its user's turn
 *                                          |                          `--> its handler
 *                                          |--> it waits for a place --wait_ms--> 429
 *                                          `--> too many wait already: 429
 *   ... --answered--> flight_end()      request_ms: 504; what is under way ends unseen
 *
 * Reads and writes are counted apart, over all loops, so that neither keeps the other out. A watch
 * is not counted: it lasts. Nor is what is no resource (health, metrics, discovery): it is answered
 * in its turn, and who looks after the server must get in when it is full. Nor is system:masters,
 * who is here to mend things (the exempt level of kube-apiserver).
 * (k8s.io/apiserver/pkg/server/filters/maxinflight.go, timeout.go, priority-and-fairness.go)
 *
 * Places are dealt out, and a loop's time is, by the rules of fair.h. `fair` off: who finds no
 * place gets 429, and all else goes in the order it came.
 *
 * Shape    requests of one loop stand in the order they came, so one timer serves all of them.
 * Owner    limits are shared by all workers and outlive them; a flight is its worker's.
 * Threads  the worker's loop; the counts are atomic.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_FLIGHT_H
#define TIDEWATCH_APISERVER_HANDLERS_FLIGHT_H

#include <stdatomic.h>

#include "apiserver/handlers/api.h"

enum flight_class { FLIGHT_NONE, FLIGHT_READ, FLIGHT_WRITE, FLIGHT_CLASSES };
static_assert((int)FLIGHT_CLASSES == (int)FAIR_KINDS, "a flow holds places of each class");

enum {
    FLIGHT_WAITING_MAX = 4,         /* requests that wait, for each place */
    FLIGHT_WAITING_BODY = 16 << 10, /* one with a body counts once more for so many bytes of it */
    FLIGHT_TURN_US = 250,   /* a loop serves requests for so long before it looks for others */
    FLIGHT_WAIT_PART = 4,   /* of request_ms, that it may take until there is a place */
    FLIGHT_WAIT_MS = 15000, /* if there is no request_ms */
};

struct flight_limits {
    uint64_t max[FLIGHT_CLASSES]; /* at once; 0: without bound */
    uint64_t request_ms;          /* 0: without bound */
    uint64_t wait_ms;             /* for a place; 0: FLIGHT_WAIT_PART of request_ms */
    uint64_t turn_us;             /* 0: one piece of work a turn of the loop */
    bool fair;
    _Atomic uint64_t now[FLIGHT_CLASSES];
    _Atomic uint64_t waiting[FLIGHT_CLASSES]; /* for a place, as FLIGHT_WAITING_BODY counts them */
    struct fair_counts now_of[FLIGHT_CLASSES], waiting_of[FLIGHT_CLASSES]; /* the same, of a user */
};

/* NULL without memory. */
struct flight *flight_new(struct worker *worker, struct flight_limits *limits);
void flight_free(struct flight *flight);

/* Its time begins. False: it was answered with 429. */
bool flight_begin(struct api_request *api);
/* Calls the handler once it is the turn of the request's user, unless the client leaves first. */
void flight_run(struct api_request *api, handler *handle);
void flight_end(struct api_request *api);

/* More of the request's work: turn->run() is called when it is its user's turn, and not before the
 * loop has looked at its sockets: what goes on and on must not keep others waiting. */
void flight_go_on(struct api_request *api, struct fair_turn *turn);

enum flight_refusal { FLIGHT_QUEUE_FULL, FLIGHT_TIME_OUT, FLIGHT_REFUSALS };
enum { FLIGHT_WAIT_BUCKETS = 8 };
extern const double flight_wait_buckets_s[FLIGHT_WAIT_BUCKETS];

/* What happened to those who came while the server was full. */
struct flight_stats {
    uint64_t parked; /* now */
    uint64_t refused[FLIGHT_REFUSALS];
    uint64_t dispatched, waits[FLIGHT_WAIT_BUCKETS], waited_us; /* of those who got a place */
};
/* How many there are now. `flight` NULL: nobody counts. */
uint64_t flight_count(const struct flight *flight, enum flight_class class);
/* Of this loop; from any thread. */
void flight_get_stats(const struct flight *flight, enum flight_class class,
                      struct flight_stats *ret_stats);

#endif
