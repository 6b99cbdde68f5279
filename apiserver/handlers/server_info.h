/*
 * server_info - what all workers may read: made before they start, never changed after, but for
 * the flag that says the server is going down.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_SERVER_INFO_H
#define TIDEWATCH_APISERVER_HANDLERS_SERVER_INFO_H

#include <stdatomic.h>

#include "apiserver/handlers/api.h"
#include "base/tally.h"

/* The Kubernetes release whose API this server speaks. */
#define KUBERNETES_MAJOR "1"
#define KUBERNETES_MINOR "32"
#define KUBERNETES_VERSION "v1.32.0+tidewatch." TIDEWATCH_VERSION

struct server_info {
    struct worker *workers;
    unsigned worker_count;
    struct storage *storage;
    struct audit *audit; /* NULL: nothing is recorded (audit.h) */
    int64_t started_s;
    uint32_t event_ttl_s;
    struct tally *watches;     /* by user, or by address without one */
    uint64_t user_watches_max; /* of one; 0: nobody counts */
    struct tally *answers;     /* by user; what they share are bytes that have not left (held.h) */
    uint64_t answers_max;      /* of these; 0: nobody counts */
    struct bytes allowed_origins; /* of pages: see request/origin.h */
    atomic_bool ready;            /* the first writes are durable */
    atomic_bool shutting_down;
};

#endif
