/*
 * backend - what a store is kept in: sqlite today, another engine in its place later.
 *
 *   writer thread --commit(), compact(), upkeep()--> backend <--read_events(), read_at()-- any
 * thread
 *
 * Above it (writer.c) preconditions are checked and changes are numbered; below it is no policy.
 *
 * Owner    a backend copies what it is given and keeps no reference; rows are lent to a callback.
 * Threads  the writer's ops come from one thread at a time, the reads from any, several at once.
 * Errors   each with words. commit() and compact() with NO_SPACE or NO_MEMORY have changed nothing
 *          and may be tried again; with anything else nobody knows, and the store must end.
 */
#ifndef TIDEWATCH_STORAGE_BACKEND_H
#define TIDEWATCH_STORAGE_BACKEND_H

#include "storage/index.h"
#include "storage/storage.h"

struct backend;

/* The revisions a backend knows when it is opened. */
struct backend_state {
    uint64_t committed, floor;
};

/* A group of changes in revision order, the first of which is `committed` + 1. */
struct commit {
    const struct event *events;
    const struct bytes *stored; /* one for each event: what is written for its value; NULL: that */
    const int64_t *expires_ms;  /* one for each event: wall time of its end; 0: never */
    size_t count;
    int64_t now_ms; /* wall time of the group */
};

/* One version as it was stored, its checksum verified. */
struct stored_value {
    struct bytes key, bytes; /* DELETE: no bytes */
    uint64_t rev;
    enum event_type type;
    int64_t expires_ms;
};

struct stored_event {
    uint64_t rev;
    enum event_type type;
    struct bytes key;
    struct bytes value; /* DELETE: empty */
    uint64_t prev_rev;  /* 0: it was created */
    struct bytes prev;  /* empty if it was not asked for */
};

/* Return OK to go on, END to stop, anything else to fail with it. */
typedef enum status (*value_sink)(void *user, const struct stored_value *value,
                                  struct error *reterr);
/* Is a version that was picked still one that must be there? */
typedef bool version_check(void *user, const struct version *version);
typedef enum status (*event_sink)(void *user, const struct stored_event *event,
                                  struct error *reterr);

/* An event may go when any of the three holds for it and for all before it. */
struct compact_rule {
    uint64_t upto;       /* its revision is not above this */
    int64_t before_ms;   /* it is older than this */
    uint64_t keep_bytes; /* this much log came since; 0: no bound */
    size_t max_events;   /* at most so many in one transaction */
    /* Called for each version that is gone, once the transaction is durable. */
    void (*dropped)(void *user, struct bytes key, uint64_t rev);
    void *user;
};

struct compacted {
    uint64_t floor;
    size_t events;
    int64_t oldest_ms; /* when the first event above the floor happened; 0: there is none */
    bool more;         /* stopped at max_events */
};

struct storage_ops {
    const char *name;
    /* Opens or creates; writes nothing to a store that exists. */
    enum status (*open)(const struct storage_options *options, struct backend **ret_backend,
                        struct backend_state *ret_state, struct error *reterr);
    /* Every row there is, newest first; what a later one has replaced may be damaged, and is left
     * out: then states from `*ret_exact_from` on are whole, older ones are not. Before start(). */
    enum status (*load)(struct backend *backend, value_sink each, void *user,
                        uint64_t *ret_exact_from, struct error *reterr);
    /* Makes ready for commit(). */
    enum status (*start)(struct backend *backend, struct error *reterr);
    /* All of the group or nothing; durable with OK. */
    enum status (*commit)(struct backend *backend, const struct commit *commit,
                          struct error *reterr);
    /* Raises the floor by one bounded step, and drops what no read at or above it can see:
     * versions that were replaced, deletes. A read at any revision >= floor stays exact. */
    enum status (*compact)(struct backend *backend, const struct compact_rule *rule,
                           struct compacted *ret_compacted, struct error *reterr);
    /* One bounded step of upkeep: with `idle` what is worth doing now, without it only what cannot
     * wait. `*ret_more`: there is some left for an idle moment. */
    enum status (*upkeep)(struct backend *backend, bool idle, bool *ret_more, struct error *reterr);
    /* As storage_read_events() for after_rev < rev <= upto; stored bytes instead of values. */
    enum status (*read_events)(struct backend *backend, uint64_t after_rev, uint64_t upto,
                               const struct events_asked *asked, event_sink each, void *user,
                               uint64_t *ret_upto, struct error *reterr);
    /* Hands out the versions, but for the deletes, which stood at `rev`. EXPIRED: `rev` is below
     * the floor; CORRUPT: one is damaged, another key's, or missing though it `stands`: since they
     * were picked a compaction may have dropped a delete. */
    enum status (*read_versions)(struct backend *backend, uint64_t rev,
                                 const struct version *versions, size_t count, value_sink each,
                                 version_check *stands, void *user, struct error *reterr);
    /* Fills file_bytes and checkpoint_count. From any thread. */
    void (*get_stats)(struct backend *backend, struct storage_stats *ret_stats);
    /* `clean`: everything went well, so leave one tidy file. */
    void (*close)(struct backend *backend, bool clean);
};

extern const struct storage_ops sqlite_ops, memory_ops;

#endif
