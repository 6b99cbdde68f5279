/*
 * internal - the struct storage behind the front door, for the files of this folder.
 *
 *   storage.c    opens, closes, takes writes in       writer.c     the thread: groups, answers,
 * events history.c    reads from the log                   compactor.c  when the log is shortened
 *   index.c      the keys, and the versions of each   backend.h    where it is kept
 *   sealer.c     what is encrypted on the way there, and opened on the way back
 */
#ifndef TIDEWATCH_STORAGE_INTERNAL_H
#define TIDEWATCH_STORAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/backend.h"

/* What one change of a group did to the index, to undo it or to make it last. */
struct change {
    struct entry *entry;
    int64_t expires_before_ms;
    bool first; /* of its key in this group */
};

/* The group being run: arrays of `capacity`, side by side. */
struct group {
    struct event *events;
    int64_t *expires_ms;
    struct change *changes;
    struct bytes *stored; /* in `sealed`; NULL: values are stored as they are */
    struct buf sealed;
    size_t count, capacity;
    int64_t now_ms;
};

/* How a group waits for company (writer.c, wait_for_company()). */
struct gathering {
    size_t expected;      /* writes on their way or waiting when the last group was answered */
    uint64_t disk_us;     /* what commits have waited for the disk, lately */
    uint64_t answered_us; /* when the last group was; monotonic */
    uint32_t vain, skip;  /* waits that nobody came to, in a row; groups that do not wait for it */
};

struct compactor {
    int64_t oldest_ms;       /* wall time of the oldest event kept; 0: none that we know */
    uint64_t looked_rev;     /* what was committed when it last looked */
    uint64_t not_before_ms;  /* monotonic: a full disk gets a pause */
    bool behind;             /* the last step left some for the next */
    _Atomic uint64_t wanted; /* storage_compact() */
};

/* Values that cannot be opened, by their keys. */
struct unopened {
    char id[SEALING_ID_MAX + 1];
    uint64_t current, old; /* what stands there; what was replaced since */
    char *one;             /* where a current one stands */
};

enum { SEALER_IDS_MAX = 254, SEALER_UNOPENED_MAX = 16 };

/* The sealing in use, and numbers for the ids of keys: 0 is unsealed, N the N-th of `ids`. */
struct sealer {
    bool on;               /* opened with a sealing: there is one from then on */
    pthread_rwlock_t lock; /* of what follows; the writer has it for a whole group */
    struct sealing *sealing;
    char *ids[SEALER_IDS_MAX];
    uint8_t id_count;
    struct unopened unopened[SEALER_UNOPENED_MAX]; /* while the store is opened or the sealing
                                                      changes */
    size_t unopened_count;
};

struct storage {
    struct storage_options options;
    struct sealer sealer;
    const struct storage_ops *ops;
    struct backend *backend;
    struct index index;           /* before start storage_open()'s */
    uint64_t exact_from;          /* states before it cannot be read: the log is damaged */
    struct group group;           /* the writer's */
    struct compactor compactor;   /* the writer's, but `wanted` */
    int64_t expire_not_before_ms; /* the writer's, wall time: a full disk gets a pause */
    bool dead;   /* the writer's: on_fatal() was called, nothing is written any more */
    bool untidy; /* the writer's: there is upkeep for an idle moment */

    struct gathering gathering; /* the writer's */

    pthread_mutex_t lock; /* the queue, and the flags that wake the writer */
    pthread_cond_t wake;
    struct write *queue, **queue_end;
    size_t queued, awaited; /* in the queue; the writer sleeps on until there are so many */
    bool closing, compact_asked;

    pthread_t thread;
    bool started;

    /* Written by the writer, read by all. */
    _Atomic uint64_t committed, floor;
    _Atomic uint64_t writes, commits, conflicts, commit_us_total, compacted_events, objects;
};

/* For counters that one thread writes and any may read. */
static inline void count_up(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* writer.c: the writer thread. */
void *writer_main(void *storage);
/* Calls on_fatal() once; from then on every write is answered with IO. */
void writer_die(struct storage *storage, const struct error *err);

/* compactor.c */
void compactor_note_events(struct storage *storage, int64_t now_ms);
bool compactor_is_due(const struct storage *storage, int64_t now_ms, bool idle);
void compactor_step(struct storage *storage, int64_t now_ms, bool idle);
/* Wall time of the next look at the age of the log; 0: never as things stand. */
int64_t compactor_next_ms(const struct storage *storage, int64_t now_ms);

/* history.c: the value of bytes that are open. CORRUPT: they are not what they
 * should be. NO_MEMORY. */
enum status storage_make_value(const struct storage *storage, struct bytes key, struct bytes open,
                               uint64_t rev, struct value **ret_value, struct error *reterr);

/* sealer.c */
/* False without memory; to be released all the same. */
bool sealer_init(struct sealer *sealer, struct sealing *sealing);
void sealer_release(struct sealer *sealer);
/* As sealing_open(). From any thread. */
MUST_CHECK enum status sealer_open(struct sealer *sealer, struct bytes key, uint64_t rev,
                                   struct bytes stored, struct buf *scratch,
                                   struct bytes *ret_value, struct error *reterr);
/* While loading: the number of the key of a current value; and what could not be opened, or was
 * replaced and could not be. */
uint8_t sealer_number(const struct sealer *sealer, struct bytes stored);
void sealer_note_unopened(struct sealer *sealer, const struct stored_value *row);
void sealer_note_old(struct sealer *sealer, const struct stored_value *row);
/* SEALED: current values were not opened, with words for all of them. */
MUST_CHECK enum status sealer_loaded(struct sealer *sealer, struct error *reterr);
/* The writer's. From the begin of a group to its end the sealing stays as it is; in between what is
 * to be stored is made, and after the commit noted. */
void sealer_begin_group(struct storage *storage);
MUST_CHECK enum status sealer_seal_group(struct storage *storage, struct commit *commit,
                                         struct error *reterr);
void sealer_note_group(struct storage *storage);
void sealer_end_group(struct storage *storage);

#endif
