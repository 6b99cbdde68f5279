/*
 * flight - requests that are being worked on: how many at once, and for how long.
 *
 *   api_on_request --flight_begin()--> in flight --answered--> flight_end()
 *                        `--> 429          `--request_ms--> 504; what is under way ends unseen
 *
 * Reads and writes are counted apart, over all loops, so that neither keeps the other out. A watch
 * is not counted: it lasts. Nor is what is no resource (health, metrics, discovery): it is answered
 * in its turn, and who looks after the server must get in when it is full.
 * (k8s.io/apiserver/pkg/server/filters/maxinflight.go, timeout.go)
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

struct flight_limits {
    uint64_t max[FLIGHT_CLASSES]; /* at once; 0: without bound */
    uint64_t request_ms;          /* 0: without bound */
    _Atomic uint64_t now[FLIGHT_CLASSES];
};

/* NULL without memory. */
struct flight *flight_new(struct worker *worker, struct flight_limits *limits);
void flight_free(struct flight *flight);

/* False: it was answered with 429. */
bool flight_begin(struct api_request *api);
void flight_end(struct api_request *api);
/* How many there are now. `flight` NULL: nobody counts. */
uint64_t flight_count(const struct flight *flight, enum flight_class class);

#endif
