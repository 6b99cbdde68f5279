/*
 * writers - so many that write, each with one write on its way at most.
 */
#ifndef TIDEWATCH_TESTS_BENCH_WRITERS_H
#define TIDEWATCH_TESTS_BENCH_WRITERS_H

#include "target.h"

struct writer;

struct writers {
    struct target *target;
    struct writer *all, *idle;
    unsigned count;
    unsigned long limit; /* writes in all that writers_keep_busy() may start */
    bool keep_busy;
    unsigned long started, done, failed;
    int last_status; /* of one that failed */
    struct samples latency;
};

/* Opens the connections: one a writer, or one for `streams` of them over HTTP/2. */
void writers_open(struct writers *writers, struct target *target, unsigned count, unsigned streams,
                  int poller);
/* Starts a write on an idle writer; false: there is none. */
bool writers_start(struct writers *writers);
/* Starts one on each, and another whenever one is done, until `limit` were started. */
void writers_keep_busy(struct writers *writers, unsigned long limit);

#endif
