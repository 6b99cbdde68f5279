/*
 * storage - the current state and the append-only log of changes, in one place, behind one writer.
 *
 *   storage_submit() --queue--> writer thread: a group of writes -> one transaction -> revisions
 *        -> COMMIT, durable -> on_batch(): the events in order, and the writes it answers
 *
 * Revision one 64-bit counter for the whole store, assigned inside the transaction in commit order.
 *          One event has one revision. It never goes back, restarts and restores included.
 * Log      kept by age and by bytes; below its floor a read says EXPIRED, never less than all.
 * Owner    the store keeps a reference to every current value. A struct write is the caller's, and
 *          must stay as it is until on_batch() has handed it back.
 * Threads  storage_submit() and the reads from any thread. on_batch() runs on the writer thread,
 * one call at a time, in revision order: it must only pass things on. Durable  an event or an
 * answer is handed out after COMMIT with fsync, never before. Errors   a write's own status
 * (CONFLICT, NO_SPACE, ..). After a failed fsync or COMMIT nothing more is acknowledged: on_fatal()
 * is called once, and is expected to end the process.
 */
#ifndef TIDEWATCH_STORAGE_STORAGE_H
#define TIDEWATCH_STORAGE_STORAGE_H

#include "base/error.h"
#include "base/value.h"
#include "storage/sealing.h"

struct storage;

enum write_type { WRITE_PUT, WRITE_DELETE };

/* "The thing at `key` must still be at `rev`" (0: must be absent). */
struct guard {
    struct bytes key;
    uint64_t rev;
};
enum { WRITE_GUARDS_MAX = 2 };

struct write {
    /* in */
    enum write_type type;
    struct bytes key;
    uint64_t expected;   /* revision that is replaced or deleted; 0: `key` must be absent (PUT) */
    struct value *value; /* PUT: the new version, one reference of which is the store's with OK;
                            its `rev` is set. Otherwise it stays the caller's. */
    uint32_t ttl_s;      /* PUT: deleted by the store after so long; 0: never */
    struct guard
        guards[WRITE_GUARDS_MAX]; /* other keys this write depends on; key.ptr NULL: none */
    void *user;
    /* out */
    enum status
        status;      /* OK, CONFLICT (`key` is at `actual`, or a guard does not hold), NO_SPACE.. */
    uint64_t rev;    /* with OK: the revision of the change */
    uint64_t actual; /* with CONFLICT: what `key` is at now; 0: absent */
    bool guard_failed;
    struct write *next; /* the store's while queued; in on_batch(), the next answered write */
};

enum event_type { EVENT_PUT, EVENT_DELETE };

/* One change. The key and the values live as long as their references. */
struct event {
    uint64_t rev;
    enum event_type type;
    struct bytes key;    /* as long as on_batch() runs; in a read, as long as the callback */
    struct value *value; /* PUT: the new version; DELETE: NULL */
    struct value *prev;  /* what it replaces; NULL: it was created */
    bool has_prev;       /* of a read that does not ask for `prev`: there was one all the same */
};

struct batch {
    const struct event *events; /* revisions rise; borrowed: take references */
    size_t event_count;
    struct write *writes; /* answered by this batch, linked by `next`; theirs again from here on */
    uint64_t rev;         /* everything up to here is committed */
};

struct storage_options {
    const char *backend;     /* "sqlite" or "memory" */
    const char *path;        /* of the database file; its folder must exist. Not for memory. */
    uint64_t history_age_s;  /* events older than this may be compacted */
    uint64_t history_bytes;  /* and those beyond so many bytes of log; 0: no bound */
    uint32_t group_max;      /* writes in one transaction; 0: a default */
    struct sealing *sealing; /* what is encrypted on the disk; the store's from storage_open() on,
                                whatever comes of it. NULL: nothing is */
    /* Makes the value of stored bytes (with its `rev`); NULL if they are not what they should be.
     * Called from any thread. Without it values are plain (value_new()). */
    struct value *(*load)(void *user, struct bytes key, struct bytes stored, uint64_t rev);
    void (*on_batch)(void *user, const struct batch *batch);
    void (*on_fatal)(void *user, const char *why);
    void *user;
};

/* Opens (creating, migrating, checking) the store and loads its current state. Nothing is written
 * and on_batch() is not called before storage_start(). Errors: IO, CORRUPT, CONFLICT (another
 * process has it open), SEALED (current values that cannot be opened are counted by their keys),
 * each with words. */
MUST_CHECK enum status storage_open(const struct storage_options *options,
                                    struct storage **ret_storage, struct error *reterr);
/* Starts the writer thread. */
MUST_CHECK enum status storage_start(struct storage *storage, struct error *reterr);
/* Finishes what was submitted, stops the writer, closes. No submit or read may run or follow. */
void storage_close(struct storage *storage);
/* The same in two steps, for who need not wait until the memory is free (NULL is fine). */
void storage_stop(struct storage *storage);
void storage_free(struct storage *storage);

/* Queues a write and returns at once. One that makes no sense (no key, no value, a DELETE of
 * nothing) is answered with INVALID in its turn, one that is too big with TOO_LARGE. */
void storage_submit(struct storage *storage, struct write *write);
/* Those linked by `next`, at once and in this order: the writer finds all of them. */
void storage_submit_all(struct storage *storage, struct write *writes);

/* The newest revision that is durable and published; 0 when nothing was ever written. It rises just
 * before the on_batch() that hands its events out: an answered write is never above it. */
uint64_t storage_committed(const struct storage *storage);
/* Reads need after_rev or rev at or above this. */
uint64_t storage_floor(const struct storage *storage);

/* From now on values are sealed by that, which is then the store's. SEALED, CONFLICT: current
 * values could not be opened any more, and nothing was changed. For a store that was opened with
 * one. */
MUST_CHECK enum status storage_use_sealing(struct storage *storage, struct sealing *sealing,
                                           struct error *reterr);
/* Does the current value of `key` lie on the disk otherwise than it would if it were written now?
 * Costs nothing in a store without a sealing. From any thread. */
bool storage_is_stale(struct storage *storage, struct bytes key);

/* Every current value in key order, at the committed revision. Only before storage_start(), or on
 * the writer thread. The callback takes references if it keeps anything. */
void storage_each(struct storage *storage,
                  void (*each)(void *user, struct bytes key, struct value *value), void *user);

/* What a read of the log asks of each event: the less, the faster. */
struct events_asked {
    struct bytes prefix; /* of the keys */
    size_t max_bytes; /* of values: stops behind the event with which it has so many; 0: no end */
    bool no_prev;     /* a PUT comes without `prev`; a DELETE has it always */
    /* Makes the values instead of the store's own; NULL: that. */
    struct value *(*load)(void *user, struct bytes key, struct bytes stored, uint64_t rev);
};

/* Hands the events with after_rev < rev, whose key begins with the prefix, oldest first, to `each`,
 * which returns false to stop. With OK `*ret_upto` is a revision up to which all
 * matching events were handed out: ask on from there; it is storage_committed() of the call's start
 * when there is nothing more, and after_rev when that is not yet committed. EXPIRED: after_rev is
 * below the floor. CORRUPT: a revision is damaged or missing. SEALED: its key is not there. Blocks
 * on the disk. */
MUST_CHECK enum status storage_read_events(struct storage *storage, uint64_t after_rev,
                                           const struct events_asked *asked,
                                           bool (*each)(void *user, const struct event *event),
                                           void *user, uint64_t *ret_upto, struct error *reterr);

/* Hands what stood under `prefix` at revision `rev`, in key order, from keys > `after_key` on
 * (empty: from the first), to `each`, which returns false to stop. EXPIRED: rev is below the floor;
 * TIMEOUT: it is not committed yet. Blocks on the disk. */
MUST_CHECK enum status
storage_read_at(struct storage *storage, uint64_t rev, struct bytes prefix, struct bytes after_key,
                bool (*each)(void *user, struct bytes key, struct value *value), void *user,
                struct error *reterr);

struct storage_stats {
    uint64_t writes, commits, conflicts, commit_us_total, compacted_events, checkpoint_count;
    uint64_t objects, log_events, file_bytes;
};
void storage_get_stats(struct storage *storage, struct storage_stats *ret_stats);

/* Compacts up to `rev` as soon as the writer is free; for tests and operators. */
void storage_compact(struct storage *storage, uint64_t rev);

#endif
