/*
 * index - every key in order: what stands there now, when it expires, and at which revisions it was
 * written. The log on disk is in the order of revisions alone; this is the other way to look at it.
 *
 *   writer    preconditions and previous values, so that a conflict never costs the disk
 *   readers   index_pick(): which rows of the log are the state at a revision
 *
 * Kept in memory, since on disk it would be most of what a commit writes: each key of a group lies
 * on a page of its own.
 *
 * Owner    an entry owns one reference to its value. value NULL: absent now, and it stays as long
 *          as the log knows of it.
 * Threads  the writer changes it with `lock` held, and reads it without; others only index_pick(),
 *          which takes the lock for so many keys at most.
 * Errors   what needs memory says so, and has changed nothing.
 */
#ifndef TIDEWATCH_STORAGE_INDEX_H
#define TIDEWATCH_STORAGE_INDEX_H

#include <pthread.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/tree.h"
#include "base/value.h"
#include "storage/expiry.h"
#include "storage/versions.h"

struct entry {
    struct value *value;
    int64_t expires_ms; /* wall time; 0: never */
    size_t expiry_at;   /* expiry's: its slot + 1; 0: in none */
    struct versions versions;
    bool touched; /* by the group that is being run */
    uint8_t seal; /* sealer.c's: the key that the value is sealed with on the disk */
    uint32_t key_len;
    char key[];
};

struct index {
    struct tree tree;
    struct expiry expiry;
    pthread_mutex_t lock;
};

void index_init(struct index *index);
void index_release(struct index *index);

/* NULL: there is none. */
struct entry *index_find(const struct index *index, struct bytes key);
/* Makes the entry of a key that has none, with no value; NULL without memory. */
struct entry *index_add(struct index *index, struct bytes key);
/* The one that is there, or a new one. */
struct entry *index_make(struct index *index, struct bytes key);
/* Frees the entry if there is no value and no version left. */
void index_drop_empty(struct index *index, struct entry *entry);
/* The log has lost this version. */
void index_forget(struct index *index, struct bytes key, uint64_t rev);
/* After the versions of all keys were pushed from the newest on. What no read at or above `floor`
 * can see goes: there is some in a restored copy, whose log is cut there. */
void index_loaded(struct index *index, uint64_t floor);

/* A version that is to be read: it must be there, and have that key. */
struct version {
    uint64_t rev;
    struct bytes key;
};

enum { PICKS_MAX = 512 };

struct picks {
    struct version versions[PICKS_MAX];
    size_t count;
    struct buf keys; /* theirs */
};

/* Picks the versions that stood at `rev` under `prefix`, deletes among them, from the key `from`
 * on, in key order. OK: `from` is where to go on; END: that is all. */
MUST_CHECK enum status index_pick(struct index *index, uint64_t rev, struct bytes prefix,
                                  struct buf *from, struct picks *picks);

/* Is it still what stood at `rev`? A delete goes when the floor has passed it. */
bool index_stands(struct index *index, const struct version *version, uint64_t rev);

/* Revision of what stands there; 0: absent. */
static inline uint64_t entry_rev(const struct entry *entry)
{
    return entry != NULL && entry->value != NULL ? entry->value->rev : 0;
}

static inline struct bytes entry_key(const struct entry *entry)
{
    return bytes_of(entry->key, entry->key_len);
}

#endif
