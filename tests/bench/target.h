/*
 * target - how each kind of server is asked to tell of changes, and given some.
 *
 *   kube   PUT, POST or PATCH of an object; ?watch=1
 *   raw    a body that is passed on: POST; GET (nchan, bareserver)
 *   etcd   gRPC over HTTP/2: KV.Put; Watch.Watch
 *   nats   lines: PUB; SUB
 *
 * What is written carries a stamp, the time of the write, which is found in whatever arrives: in an
 * annotation, so that every view of an object has it.
 */
#ifndef TIDEWATCH_TESTS_BENCH_TARGET_H
#define TIDEWATCH_TESTS_BENCH_TARGET_H

#include "client.h"

struct target {
    const struct target_ops *ops;
    enum protocol protocol; /* of the watches */
    enum protocol write_protocol;
    int port, write_port;
    bool tls;
    const char *watch;  /* path or subject; %d is the watch's number, %r the revision to begin at */
    const char *write;  /* path or subject */
    const char *op;     /* kube: create, update or patch */
    const char *object; /* kube: members behind the metadata; NULL: a ConfigMap with `size` bytes */
    char headers[512];  /* of a watch */
    size_t size;        /* of what is written */
    char rev[32];
};

/* --target --port --write-port --tls --http=1|2 --write-http=1|2 --watch --write --accept --op
 * --size --kind=events|websocket */
void target_from_flags(struct target *target, int argc, char **argv);
/* Makes the objects that are to be updated, and learns from which revision to watch. */
void target_prepare(struct target *target, unsigned objects);
/* The texts are the target's until the next call. */
void target_watch(struct target *target, unsigned number, struct request *ret_request);
void target_write(struct target *target, unsigned number, uint64_t stamp_us,
                  struct request *ret_request);
/* Did a write with this status succeed? */
bool target_is_ok(const struct target *target, int status);

/* Finds stamps in a stream that is cut anywhere. */
struct stamp_scan {
    uint8_t matched, digits;
    uint64_t us;
};
void stamp_scan(struct stamp_scan *scan, const char *data, size_t len,
                void (*on_stamp)(void *user, uint64_t stamp_us), void *user);

#endif
