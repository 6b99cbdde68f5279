/*
 * consistency - is what this loop serves what the store holds?
 *
 *   loop: (revision, digest of all objects) --history thread: the same of the store--> equal?
 *
 * A cache that quietly lost an event would lie to every client until a restart
 * (kubernetes#123072). So now and then its digest, kept up to date with each event, is compared
 * with that of the store at the same revision, as k8s.io/apiserver/pkg/storage/cacher does.
 * A difference is logged and counted: what is right cannot be known from here.
 *
 * Owner    the watch cache.   Threads  its loop; the store is read on a history thread.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_CONSISTENCY_H
#define TIDEWATCH_APISERVER_WATCH_CONSISTENCY_H

#include "apiserver/watch/history.h"

struct watch_cache;

struct consistency {
    /* A sum over all objects, so that order does not matter and each can leave it again. */
    uint64_t digest;
    struct loop_timer timer;
    struct history_job job;
    uint64_t rev, expected, found; /* of the check under way */
    enum status status;
};

/* What one object adds to the digest: name, revision and length. A revision has one content, whose
 * bytes the store has checked before it gives them out, so they need no second sum for every event
 * on every loop; k8s.io/apiserver sums names and revisions. */
uint64_t consistency_digest(struct bytes key, const struct value *value);
/* Begins to check, if the cache's options say so. */
void consistency_start(struct watch_cache *cache);
void consistency_stop(struct watch_cache *cache);

#endif
